import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { GenerationUnusable } from '../errors.js';
import { compareTables } from '../tables/compare-tables.js';
import { requireSql } from '../tables/require-sql.js';
import type { SqlModel } from '../tables/sql-model.js';
import { evenUpTo } from './events-between.js';
import { clockOf, feedersOf } from './feeders.js';
import { writeControl, type Generation } from './control.js';
import { placesOf } from './places.js';
import { readProgress } from './progress.js';
import { requireControl } from './swap.js';
import { compared, type Verification } from './verification.js';

/** What is compared. */
export interface VerifyingTables {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly model: SqlModel;
  /** Default: the one being filled. */
  readonly generation?: number | undefined;
  /** Differences to list. */
  readonly limit: number;
}

/**
 * Compares the tables of two generations on one view of the state. Rows of others' making cannot be folded in memory: where the
 * two are not as far, both are asked to meet at the head, and go on as soon as the view is taken.
 *
 * @throws ProjectionNotFound, GenerationUnusable
 */
export async function verifyTables(verifying: VerifyingTables): Promise<Verification> {
  const { state, model } = verifying;
  const found = await attempt(verifying);
  if (found) return found;
  await requireFed(verifying);
  const position = await meet(verifying);
  const until = performance.now() + PATIENCE_MS;
  try {
    while (performance.now() < until) {
      const met = await attempt(verifying, () => part(state, model.name).catch(() => undefined));
      if (met) return met;
      await wait(POLL_MS);
    }
  } finally {
    await part(state, model.name).catch(() => undefined);
  }
  const message = `it and the one that is read did not come to position ${position} in ${PATIENCE_MS / 1_000} s: wait until both are live.`;
  throw new GenerationUnusable(model.name, verifying.generation, message);
}

/** How long both may take to meet, and how often to look. */
const [PATIENCE_MS, POLL_MS] = [10_000, 20];

/** `undefined`: one is further than the other. */
async function attempt(
  { state, events, model, generation, limit }: VerifyingTables,
  taken?: () => Promise<void>,
): Promise<Verification | undefined> {
  const { name, tables } = model;
  return state.read(async (view) => {
    const pair = await compared(view, name, generation);
    const [live, other] = await Promise.all([pair.live, pair.other].map((it) => positionOf(view, name, it)));
    const [low, high] = [Math.min(live!, other!), Math.max(live!, other!)];
    if ((await evenUpTo(events, model.typeNames, { after: low, upTo: high })) < high) return undefined;
    await taken?.();
    requireSameTables(model, pair);
    const both = { name, tables, limit, live: pair.live.number, other: pair.other.number };
    const { hashes, rows, different, differences } = await compareTables(requireSql(view, name), both);
    const sideOf = ({ number, version }: Generation, hash: string) => ({ generation: number, version, hash });
    return {
      projection: name,
      compared: 'rows',
      live: sideOf(pair.live, hashes[0]),
      other: sideOf(pair.other, hashes[1]),
      position: high,
      isEqual: different === 0,
      documents: rows,
      ...{ different, differences },
    };
  });
}

function requireSameTables(
  { name, tables }: SqlModel,
  pair: { readonly live: Generation; readonly other: Generation },
): void {
  const text = JSON.stringify(tables);
  const strange = [pair.live, pair.other].find((it) => JSON.stringify(it.tables) !== text);
  if (strange)
    throw new GenerationUnusable(
      name,
      strange.number,
      'its tables are not those that the code here declares: compare them yourself.',
    );
}

/** What nobody feeds comes nowhere. @throws GenerationUnusable */
async function requireFed({ state, model, generation }: VerifyingTables): Promise<void> {
  const { name } = model;
  const pair = await state.read((view) => compared(view, name, generation));
  const feeders = await feedersOf(state, name);
  for (const { number } of [pair.live, pair.other]) {
    if (feeders.has(number)) continue;
    const message =
      'it is not as far as the other one, and no process feeds it: start the application, with the code that made it.';
    throw new GenerationUnusable(name, number, message);
  }
}

/** Has both go no further than a position that neither is beyond. */
async function meet({ events, state, model, generation }: VerifyingTables): Promise<number> {
  const { name } = model;
  const { head } = await events.identity();
  return state.transaction([], async (tx) => {
    const { live, other } = await compared(tx, name, generation);
    // They may have gone on since the head was read, and come to this one only.
    const position = Math.max(head, await positionOf(tx, name, live), await positionOf(tx, name, other));
    const until = new Date((await clockOf(tx)) + PATIENCE_MS).toISOString();
    await writeControl(tx, name, { ...(await requireControl(tx, name)), meeting: { position, until } });
    return position;
  });
}

/** Has them go on. */
function part(state: StateStore, name: string): Promise<void> {
  return state.transaction([], async (tx) => {
    const { meeting, ...own } = await requireControl(tx, name);
    if (meeting) await writeControl(tx, name, own);
  });
}

async function positionOf(view: StateView, name: string, { number }: Generation): Promise<number> {
  return (await readProgress(view, placesOf(name), number))?.checkpoint.through ?? 0;
}
