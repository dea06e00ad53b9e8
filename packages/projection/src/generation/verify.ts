import type { EventStore, StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { byBytes } from '@backstory/core/store';
import type { ProjectionModel } from '../definition/projection-model.js';
import { GenerationUnusable } from '../errors.js';
import { hashTables } from '../tables/compare-tables.js';
import { requireSql } from '../tables/require-sql.js';
import type { Generation } from './control.js';
import { Comparison, type Row } from './comparison.js';
import { TextFold, type Folding, type Texts } from './text-fold.js';
import { placesOf } from './places.js';
import { readProgress } from './progress.js';
import { placeIn } from '../results/result-rows.js';
import { requireControl, requireGeneration } from './swap.js';
import { compared, type Verification } from './verification.js';

/** What is compared. */
export interface Verifying {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly model: ProjectionModel;
  /** Default: the one being filled. */
  readonly generation?: number | undefined;
  /** Differences to list. */
  readonly limit: number;
  /** Documents that are folded in memory at most. */
  readonly maxFolded: number;
}

/**
 * Compares the live generation with another one on one view of the state, so that both may go on meanwhile. Where one is ahead,
 * the documents in between are folded in memory: those of the one behind forwards, or else those of the one ahead anew up to there.
 *
 * @throws ProjectionNotFound, GenerationUnusable, ProjectionFailed
 */
export function verify(verifying: Verifying): Promise<Verification> {
  const { state, model, generation, limit } = verifying;
  const { name } = model;
  return state.read(async (view) => {
    const { live, other } = await compared(view, name, generation);
    const sides = await Promise.all([live, other].map((it) => sideOf(view, name, it)));
    const [a, b] = sides as [Placed, Placed];
    const { position, instead } = await meet(view, verifying, a, b);
    const comparison = new Comparison(limit);
    const read = (side: Placed) => documentsOf(view, side.collection, instead.get(side)?.documents ?? NONE);
    await comparison.run(read(a), read(b));
    const { documents } = comparison;
    const results = (side: Placed) => resultsOf(view, side, position, instead.get(side)?.results);
    await comparison.run(results(a), results(b), resultName);
    return {
      projection: name,
      compared: 'documents',
      live: { generation: live.number, version: live.version, hash: comparison.hashes[0] },
      other: { generation: other.number, version: other.version, hash: comparison.hashes[1] },
      position,
      isEqual: comparison.different === 0,
      documents,
      different: comparison.different,
      differences: comparison.differences,
    };
  });
}

interface Placed {
  readonly generation: Generation;
  readonly collection: string;
  readonly results: string;
  readonly position: number;
}

/** What is to be read in place of what is stored. */
interface Instead {
  readonly documents: Texts;
  readonly results?: Texts;
}

const NONE: Texts = new Map();

async function sideOf(view: StateView, name: string, generation: Generation): Promise<Placed> {
  const places = placesOf(name);
  const position = (await readProgress(view, places, generation.number))?.checkpoint.through ?? 0;
  const { number } = generation;
  return { generation, position, collection: places.documents(number), results: places.results(number) };
}

/** The position to compare at, and what documents are there in place of those that are stored. */
async function meet(
  view: StateView,
  { events, model, maxFolded: most }: Verifying,
  a: Placed,
  b: Placed,
): Promise<{ readonly position: number; readonly instead: ReadonlyMap<Placed, Instead> }> {
  const [behind, ahead] = a.position <= b.position ? [a, b] : [b, a];
  if (behind.position === ahead.position) return { position: behind.position, instead: new Map() };
  const between = { after: behind.position, upTo: ahead.position };
  if (behind.generation.version === model.version) {
    const from = { model, side: behind.generation.number, most, between };
    const folded = await advanced(view, events, { ...from, collection: behind.collection });
    return { position: ahead.position, instead: new Map([[behind, folded]]) };
  }
  if (ahead.generation.version !== model.version)
    throw new GenerationUnusable(
      model.name,
      ahead.generation.number,
      `it and generation ${behind.generation.number} are at different positions, and the code here, of version ${model.version}, made neither.`,
    );
  const documents = await rewound(events, { model, side: ahead.generation.number, most, between });
  return { position: behind.position, instead: new Map([[ahead, { documents }]]) };
}

interface Between extends Folding {
  readonly between: { readonly after: number; readonly upTo: number };
}

/** Documents as they are after the events in between, from what is stored, and the results of those events. */
async function advanced(
  view: StateView,
  events: EventStore,
  { between, collection, ...folding }: Between & { readonly collection: string },
): Promise<Instead> {
  const { model } = folding;
  const fold = new TextFold(folding);
  for await (const page of events.readAll({ ...between, types: model.typeNames, pageSize: PAGE })) {
    const foldable = page.events.map((event) => model.foldable(event));
    const missing = [...new Set(foldable.flatMap(({ keys }) => keys))].filter((key) => !fold.has(key));
    const stored = await view.getMany(collection, missing);
    for (const key of missing) fold.begin(key, stored.get(key));
    for (const { recorded, keys } of foldable) for (const key of keys) fold.fold(key, recorded);
  }
  return { documents: fold.texts(), results: fold.results };
}

/** Documents that events in between have changed, as they were before those. */
async function rewound(events: EventStore, { between, ...folding }: Between): Promise<Texts> {
  const { model } = folding;
  const fold = new TextFold(folding);
  const { after } = between;
  for await (const page of events.readAll({ ...between, types: model.typeNames, pageSize: PAGE }))
    for (const event of page.events) for (const key of model.foldable(event).keys) fold.begin(key, undefined);
  for await (const page of events.readAll({ after: 0, upTo: after, types: model.typeNames, pageSize: PAGE }))
    for (const event of page.events) {
      const { recorded, keys } = model.foldable(event);
      for (const key of keys) if (fold.has(key)) fold.fold(key, recorded);
    }
  return fold.texts();
}

const PAGE = 2_000;

/** The documents in the order of their keys, some of them replaced. */
export async function* documentsOf(
  view: StateView,
  collection: string,
  instead: Texts = NONE,
): AsyncGenerator<Row, void> {
  const replaced = [...instead].sort(([x], [y]) => byBytes(x, y));
  let next = 0;
  const upTo = function* (key: string | undefined): Generator<Row, void> {
    for (; next < replaced.length; next++) {
      const [own, text] = replaced[next]!;
      if (key !== undefined && byBytes(own, key) > 0) return;
      if (text !== undefined) yield [own, text];
    }
  };
  let after = '';
  for (;;) {
    const rows = await view.list(collection, { after, limit: 1_000 });
    for (const { key, value } of rows) {
      yield* upTo(key);
      if (!instead.has(key)) yield [key, value];
    }
    if (rows.length < 1_000) break;
    after = rows.at(-1)!.key;
  }
  yield* upTo(undefined);
}

/** The results of events up to a position. */
async function* resultsOf(
  view: StateView,
  { results }: Placed,
  position: number,
  instead: Texts = NONE,
): AsyncGenerator<Row, void> {
  for await (const [row, text] of documentsOf(view, results, instead)) {
    if (placeIn(row).position <= position) yield [row, text];
  }
}

function resultName(row: string): string {
  const { key, position, ordinal } = placeIn(row);
  return `${key}, result ${ordinal + 1} of position ${position}`;
}

/** What a generation holds, documents or rows, and its content in one line. */
export interface ContentDigest {
  readonly generation: number;
  readonly position: number;
  readonly documents: number;
  readonly hash: string;
}

/** Hashes the documents or tables of a generation as {@link verify} does. Default: the one that is read. */
export function contentOf(state: StateStore, name: string, generation?: number): Promise<ContentDigest> {
  return state.read(async (view) => {
    const control = await requireControl(view, name);
    const wanted = requireGeneration(control, name, generation ?? control.live);
    const side = await sideOf(view, name, wanted);
    const { number, tables } = wanted;
    if (tables) {
      const { hash, rows } = await hashTables(requireSql(view, name), { name, generation: number, tables });
      return { generation: number, position: side.position, documents: rows, hash };
    }
    const comparison = new Comparison(0);
    const none = async function* (): AsyncGenerator<Row, void> {};
    await comparison.run(documentsOf(view, side.collection, NONE), none());
    const { documents } = comparison;
    await comparison.run(resultsOf(view, side, side.position), none(), resultName);
    const { hashes } = comparison;
    return { generation: side.generation.number, position: side.position, documents, hash: hashes[0] };
  });
}
