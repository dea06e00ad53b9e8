import type { StateEntry, StateView } from '@backstory/core/state';
import { InvalidOption, knownOptions, type OptionNames } from '@backstory/core/store';
import type { KeptResult } from './emit.js';
import { MOST_OF_EVENT, placeIn, resultKey, resultsUpTo } from './result-rows.js';
import { Stretch } from '../stretch.js';
import { wholeOption } from '../whole-option.js';

/** Which results of a document. */
export interface ResultsQuery {
  /** Those of events after this position. Default 0. */
  readonly after?: number;
  /** Those of events up to this position. Default: all. */
  readonly upTo?: number;
  /** The last ones first. */
  readonly backwards?: boolean;
  /** So many, and what else the event has led to at which that ends: those of one event are never parted. Default 100. */
  readonly limit?: number;
}

/** The results of one document, in the order of the log. @throws InvalidOption */
export async function listResults<Result>(
  view: StateView,
  collection: string,
  key: string,
  query: ResultsQuery,
): Promise<readonly KeptResult<Result>[]> {
  const { after = 0, upTo = MOST, limit = 100, backwards = false } = knownOptions(query, OPTIONS);
  for (const [name, value] of Object.entries({ after, upTo })) wholeOption(name, value, 0, MOST);
  if (typeof backwards !== 'boolean') throw new InvalidOption('backwards', 'must be true or false.');
  const bounds = { after: resultsUpTo(key, after) + LAST, upTo: resultsUpTo(key, upTo) + LAST };
  const rows = await view.list(collection, {
    ...{ prefix: resultsUpTo(key), ...bounds, backwards },
    limit: wholeOption('limit', limit, 1, 10_000),
  });
  const kept = rows.map((row) => keptIn<Result>(row));
  if (kept.length < limit) return kept;
  // Whoever goes on after the position of the last one would miss the rest of its event.
  const { position } = kept.at(-1)!;
  const whole = await resultsAt<Result>(view, collection, [key], position);
  return [...kept.filter((it) => it.position !== position), ...(backwards ? whole.toReversed() : whole)];
}

/** What one event has led to in these documents, of which there may be very many: those of each are asked for by twos, fours and so on. */
export async function resultsAt<Result>(
  view: StateView,
  collection: string,
  keys: readonly string[],
  position: number,
): Promise<readonly KeptResult<Result>[]> {
  const kept = new Map(keys.map((key) => [key, [] as KeptResult<Result>[]]));
  const stretch = new Stretch();
  let [from, size, open] = [0, 2, keys];
  while (open.length > 0) {
    const upTo = Math.min(from + size, MOST_OF_EVENT);
    const more: string[] = [];
    for (let at = 0; at < open.length; at += ROWS / size) {
      const some = open.slice(at, at + ROWS / size);
      const rows = some.flatMap((key) => rowsOf(key, position, { from, upTo }));
      const values = await view.getMany(collection, rows);
      for (const row of rows) {
        const value = values.get(row);
        if (value !== undefined) kept.get(placeIn(row).key)!.push(keptIn({ key: row, value }));
      }
      more.push(...some.filter((key) => kept.get(key)!.length === upTo && upTo < MOST_OF_EVENT));
      if (stretch.isLong) await stretch.pause();
    }
    [from, size, open] = [upTo, Math.min(size * 2, ROWS), more];
  }
  return [...kept.values()].flat();
}

function rowsOf(
  key: string,
  position: number,
  { from, upTo }: { readonly from: number; readonly upTo: number },
): string[] {
  return Array.from({ length: upTo - from }, (_, i) => resultKey(key, position, from + i));
}

function keptIn<Result>({ key: row, value }: StateEntry): KeptResult<Result> {
  const { key, position } = placeIn(row);
  return { key, position, result: JSON.parse(value) as Result };
}

const OPTIONS: OptionNames<ResultsQuery> = { after: true, upTo: true, backwards: true, limit: true };
const MOST = Number.MAX_SAFE_INTEGER;
/** Asked for together: a power of two. */
const ROWS = 4_096;
/** Comes after the ordinals of a position. */
const LAST = ';';
