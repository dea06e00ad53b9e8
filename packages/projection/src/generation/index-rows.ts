import type { StateEntry, StateView } from '@backstory/core/state';
import { indexKey, keyIn, valueAt } from '../read/index-key.js';
import type { Generation } from './control.js';
import { placesOf } from './places.js';

/** A row of an index that is missing, or that its document does not lead to: `find` passes a document by, or gives it at the wrong place. */
export interface StrayRow {
  /** The document's key. */
  readonly key: string;
  /** The path that is indexed. */
  readonly path: string;
  readonly is: 'missing' | 'too many';
}

/** Where the index rows of a generation are not those of its documents, in one view of the state. */
export async function* strayRows(
  view: StateView,
  name: string,
  { number, indexes }: Pick<Generation, 'number' | 'indexes'>,
): AsyncGenerator<StrayRow, void> {
  if (indexes.length === 0) return;
  const places = placesOf(name);
  const there = new Map(indexes.map((path) => [path, 0]));
  for await (const page of pagesOf(view, places.documents(number))) {
    const documents = page.map(({ key, value }) => ({ key, json: JSON.parse(value) as unknown }));
    for (const path of indexes) {
      const wanted = new Map(documents.map(({ key, json }) => [rowOf(json, path, key), key]));
      const found = await view.getMany(places.index(number, path), [...wanted.keys()]);
      there.set(path, there.get(path)! + found.size);
      for (const [row, key] of wanted) if (!found.has(row)) yield { key, path, is: 'missing' };
    }
  }
  for (const [path, count] of there) {
    const index = places.index(number, path);
    // Every document has one row of its own: where there are no more, none is too many.
    if ((await view.count(index)) === count) continue;
    for await (const page of pagesOf(view, index)) {
      const keys = page.map((row) => keyIn(row.key));
      const documents = await view.getMany(places.documents(number), keys);
      for (const [i, row] of page.entries()) {
        const text = documents.get(keys[i]!);
        if (text === undefined || rowOf(JSON.parse(text), path, keys[i]!) !== row.key)
          yield { key: keys[i]!, path, is: 'too many' };
      }
    }
  }
}

function rowOf(document: unknown, path: string, key: string): string {
  return indexKey(valueAt(document, path), key);
}

async function* pagesOf(view: StateView, collection: string): AsyncGenerator<readonly StateEntry[], void> {
  for (let after = ''; ;) {
    const rows = await view.list(collection, { after, limit: PAGE });
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE) return;
    after = rows.at(-1)!.key;
  }
}

const PAGE = 1_000;
