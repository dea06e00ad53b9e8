import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { GenerationUnusable } from '../errors.js';
import { compareTables } from '../tables/compare-tables.js';
import { requireSql } from '../tables/require-sql.js';
import type { SqlModel } from '../tables/sql-model.js';
import type { Generation } from './control.js';
import { evenUpTo } from './events-between.js';
import { feedersOf } from './feeders.js';
import { requireControl } from './generations.js';
import { haltOf } from './halted.js';
import { HeldMeeting } from './meet.js';
import { requireOneLog, standingOf, type Standing, type Verification } from './verification.js';

/** What is compared. */
export interface VerifyingTables {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly model: SqlModel;
  /** Default: the one being filled. */
  readonly generation?: number | undefined;
  /** Differences to list. */
  readonly limit: number;
  /** How long it may take until one of them comes nearer to where they meet. Default 10,000. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares the tables of two generations on one view of the state. Rows of others' making cannot be folded in memory: where the
 * two are not as far, both are asked to meet at the head, and go on as soon as the view is taken.
 *
 * @throws ProjectionNotFound, GenerationUnusable; the signal's reason
 */
export async function verifyTables(verifying: VerifyingTables): Promise<Verification> {
  const { state, model, generation, signal, patienceMs = PATIENCE_MS } = verifying;
  const found = await attempt(verifying);
  if ('compared' in found) return found;
  await requireFed(verifying);
  const { head: least } = await verifying.events.identity();
  const meeting = new HeldMeeting(state, model.name, { generation, least });
  let parting: Promise<void> | undefined;
  // The view is taken: while it is compared they go on, unless there is no connection but that of the view.
  const taken = () => void (parting ??= meeting.end().catch(() => undefined));
  try {
    const first = await meeting.hold();
    // What goes on beyond that, as under an earlier release, which knows of no meeting, comes no nearer.
    const nearness = ({ live, other }: Standing) =>
      Math.min(live.position, first) + Math.min(other.position, first);
    let [position, nearest, until] = [first, nearness(found), performance.now() + patienceMs];
    while (performance.now() < until) {
      signal?.throwIfAborted();
      const met = await attempt(verifying, taken);
      if ('compared' in met) return met;
      if (nearness(met) > nearest) [nearest, until] = [nearness(met), performance.now() + patienceMs];
      await wait(POLL_MS);
      position = await meeting.hold();
    }
    const seconds = patienceMs / 1_000;
    const message = `it and the one that is read did not come to position ${position}, and neither came nearer for ${seconds} s: wait until both are live.`;
    throw new GenerationUnusable(model.name, generation, message);
  } finally {
    await parting;
    await meeting.end().catch(() => undefined);
  }
}

/** How long it may take until one of them comes nearer, and how often to look. */
const [PATIENCE_MS, POLL_MS] = [10_000, 20];

/**
 * Gives where the two stand while one is further than the other. The log is looked at before the view is opened: neither waits for the
 * other's connection.
 */
async function attempt(verifying: VerifyingTables, taken?: () => void): Promise<Verification | Standing> {
  const { state, events, model, generation } = verifying;
  const { name } = model;
  const before = await state.read((view) => standingOf(view, name, generation));
  await requireOneLog(events, name, before);
  const after = Math.min(before.live.position, before.other.position);
  const types = [...new Set([...before.live.generation.types, ...before.other.generation.types])];
  const { head } = await events.identity();
  const even = await evenUpTo(events, types, { after, upTo: head });
  return state.read(async (view) => {
    const standing = await standingOf(view, name, generation);
    const { live, other } = standing;
    const [low, high] = [live.position, other.position].sort((x, y) => x - y);
    if (low! < after || Math.max(low!, even) < high!) return standing;
    taken?.();
    return compare(view, verifying, { live: live.generation, other: other.generation, position: high! });
  });
}

async function compare(
  view: StateView,
  { model, limit, signal }: VerifyingTables,
  { position, ...pair }: Pair & { readonly position: number },
): Promise<Verification> {
  const { name, tables } = model;
  requireSameTables(model, pair);
  const both = { name, tables, limit, signal, live: pair.live.number, other: pair.other.number };
  const { hashes, rows, different, differences } = await compareTables(requireSql(view, name), both);
  const sideOf = ({ number, version }: Generation, hash: string) => ({ generation: number, version, hash });
  return {
    projection: name,
    compared: 'rows',
    live: sideOf(pair.live, hashes[0]),
    other: sideOf(pair.other, hashes[1]),
    position,
    isEqual: different === 0 && hashes[0] === hashes[1],
    documents: rows,
    ...{ different, differences },
  };
}

interface Pair {
  readonly live: Generation;
  readonly other: Generation;
}

function requireSameTables({ name, tables }: SqlModel, pair: Pair): void {
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
  const both = await state.read(async (view) => {
    const control = await requireControl(view, name);
    const { live, other } = await standingOf(view, name, generation);
    const found: { readonly generation: Generation; readonly halt: string | undefined }[] = [];
    for (const { generation } of [live, other])
      found.push({ generation, halt: await haltOf(view, name, { control, generation }) });
    return found;
  });
  const feeders = await feedersOf(state, name);
  for (const { generation: it, halt } of both) {
    const { number, version, role } = it;
    if (feeders.has(number)) continue;
    const alone =
      role === 'retired'
        ? 'it was read before, and nothing more is folded into it: rebuild, and compare that.'
        : `no process feeds it: start one whose code has version ${version} of the projection.`;
    throw new GenerationUnusable(name, number, `it is not as far as the other one, and ${halt ?? alone}`);
  }
}
