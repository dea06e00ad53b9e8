import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { GenerationUnusable } from '../errors.js';
import { compareTables } from '../tables/compare-tables.js';
import { requireSql } from '../tables/require-sql.js';
import type { SqlModel } from '../tables/sql-model.js';
import { readControl, writeControl, type Control, type Generation } from './control.js';
import { placesOf } from './places.js';
import { readProgress } from './progress.js';
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
  const { state, events, model } = verifying;
  const found = await attempt(verifying);
  if (found) return found;
  await requireFed(verifying);
  const { head } = await events.identity();
  const until = Date.now() + PATIENCE_MS;
  const meeting = { position: head, until: new Date(until).toISOString() };
  await meetAt(state, model.name, meeting);
  try {
    while (Date.now() < until) {
      const met = await attempt(verifying, () => meetAt(state, model.name, undefined).catch(() => undefined));
      if (met) return met;
      await wait(POLL_MS);
    }
  } finally {
    await meetAt(state, model.name, undefined).catch(() => undefined);
  }
  const message = `it and the one that is read did not come to position ${head} in ${PATIENCE_MS / 1_000} s: wait until both are live.`;
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
    if (await hasEvents(events, model, { after: low, upTo: high })) return undefined;
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

async function hasEvents(
  events: EventStore,
  { typeNames: types }: SqlModel,
  between: { readonly after: number; readonly upTo: number },
): Promise<boolean> {
  if (between.after === between.upTo) return false;
  for await (const page of events.readAll({ ...between, types, limit: 1 }))
    if (page.events.length > 0) return true;
  return false;
}

/** What nobody feeds comes nowhere. @throws GenerationUnusable */
async function requireFed({ state, model, generation }: VerifyingTables): Promise<void> {
  const { name } = model;
  const pair = await state.read((view) => compared(view, name, generation));
  const leases = await state.leases(placesOf(name).leases);
  for (const { number } of [pair.live, pair.other]) {
    const lease = leases.find((it) => it.name === placesOf(name).lease(number));
    if (lease && lease.expiresAt.getTime() > Date.now()) continue;
    const message =
      'it is not as far as the other one, and no process feeds it: start the application, with the code that made it.';
    throw new GenerationUnusable(name, number, message);
  }
}

function meetAt(state: StateStore, name: string, meeting: Control['meeting']): Promise<void> {
  return state.transaction([], async (tx) => {
    const control = await readControl(tx, name);
    if (!control || control.meeting?.until === meeting?.until) return;
    const { meeting: _before, ...own } = control;
    await writeControl(tx, name, meeting ? { ...own, meeting } : own);
  });
}

async function positionOf(view: StateView, name: string, { number }: Generation): Promise<number> {
  return (await readProgress(view, placesOf(name), number))?.checkpoint.through ?? 0;
}
