import { setTimeout as wait } from 'node:timers/promises';
import type { StateStore } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import { GenerationUnusable } from '../errors.js';
import { present, writeControl, type Control, type Generation } from './control.js';
import { divergence } from './divergence.js';
import { evenUpTo } from './events-between.js';
import { feedersOf } from './feeders.js';
import { unfed } from './filled.js';
import {
  checkpointOf,
  newest,
  positionOf,
  requireControl,
  requireGeneration,
  requireOfThisLog,
  type Stores,
} from './generations.js';
import { haltOf } from './halted.js';
import { besideReaders, showLive } from './live-views.js';
import { HeldMeeting } from './meet.js';

/** Which generation took the place of which, and how far behind it is. */
export interface Swapped {
  readonly generation: number;
  readonly was: number;
  readonly position: number;
  /** Positions, from the first event of its own that it lacks to where what was read until now is; 0 where it lacks none. */
  readonly behind: number;
}

/** Which one, and how long to try where others are in the way. */
export interface SwapOptions {
  /** Default: the one that is being filled. */
  readonly generation?: number | undefined;
  readonly patienceMs?: number;
  /** How long the live one waits for it. Default 30,000. */
  readonly comingMs?: number;
  /** Only while it is to take the place by itself. */
  readonly isByItself?: boolean;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Has a generation take the place of the live one, in one transaction: whoever reads sees the one or the other. It must have
 * every event that the live one has, so that nobody who reads goes back in time; where it is all but there and is fed, the live one
 * waits for it. A live one that is of another log than the one that is there is no measure.
 *
 * @throws ProjectionNotFound, GenerationUnusable; the signal's reason
 */
export async function swap(
  stores: Stores,
  name: string,
  { generation, patienceMs, comingMs = COMING_MS, isByItself = false, signal }: SwapOptions = {},
): Promise<Swapped> {
  const { state } = stores;
  let waiting: { readonly meeting: HeldMeeting; readonly until: number } | undefined;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const plan = await planned(stores, name, generation);
      const { next } = plan;
      const isComing = await comes(state, name, plan);
      // Both come to stand still then, so that nothing is in the way any more of a transaction, nor that in theirs.
      if (isComing) {
        const meeting = waiting?.meeting ?? new HeldMeeting(state, name, { generation: next, least: 0 });
        waiting ??= { meeting, until: performance.now() + comingMs };
        await meeting.hold();
      }
      const tried = await tryOut(state, name, { ...plan, isByItself }, patienceMs);
      if (tried.is === 'swapped') return tried.swapped;
      if (tried.is === 'outdated') {
        // The meeting was with the one that was live.
        await waiting?.meeting.end();
        waiting = undefined;
        continue;
      }
      if (!isComing || !waiting || performance.now() >= waiting.until)
        throw await behind(state, name, { next, ...tried });
      await wait(LOOK_MS);
    }
  } finally {
    await waiting?.meeting.end().catch(() => undefined);
  }
}

/** Swaps if that can be done now: it waits for nobody who reads, and shortly for what is all but there. */
export async function swapWhenReady(stores: Stores, name: string, generation: number): Promise<boolean> {
  try {
    await swap(stores, name, { generation, patienceMs: 0, comingMs: 1_000, isByItself: true });
    return true;
  } catch (error) {
    if (error instanceof GenerationUnusable) return false;
    throw error;
  }
}

/** Whether it is all but there, and fed. */
async function comes(state: StateStore, name: string, { next, own, was }: Plan): Promise<boolean> {
  return was - own <= NEAR && (await feedersOf(state, name)).has(next);
}

/** Goes back to the generation that was read before. @throws ProjectionNotFound, GenerationUnusable */
export async function rollBack({ events, state }: Stores, name: string, number?: number): Promise<Swapped> {
  for (;;) {
    const { live, back, types, at, was } = await state.read(async (view) => {
      const control = await requireControl(view, name);
      const { live } = control;
      const { number: back, types } = retired(control, name, number);
      const [at, was] = [await checkpointOf(view, name, back), await checkpointOf(view, name, live)];
      return { live, back, types, at, was };
    });
    await requireOfThisLog(events, name, { generation: back, checkpoint: at });
    const isMeasure = (await divergence(events, was)) === undefined;
    const position = at?.through ?? 0;
    const { head } = await events.identity();
    const even = await evenUpTo(events, types, { after: position, upTo: head });
    const swapped = await besideReaders(state, name, async (tx): Promise<Swapped | undefined> => {
      const control = await requireControl(tx, name);
      // Another one was swapped in meanwhile: what was read before is another one as well.
      if (control.live !== live) return undefined;
      const next = retired(control, name, back);
      const reached = isMeasure ? await positionOf(tx, name, live) : 0;
      await exchange(tx, name, { control, next });
      return { generation: back, was: live, position, behind: Math.max(0, reached - even) };
    });
    if (swapped) return swapped;
  }
}

/** Which is to take whose place, and up to where it has every event. */
interface Plan {
  readonly live: number;
  readonly next: number;
  readonly reached: number;
  /** Their positions. */
  readonly own: number;
  readonly was: number;
}

/** Looks at the log, which no transaction of the state store may wait for. */
async function planned({ events, state }: Stores, name: string, number: number | undefined): Promise<Plan> {
  const { live, next, own, was } = await state.read(async (view) => {
    const control = await requireControl(view, name);
    const next = number === undefined ? newest(control, name) : requireGeneration(control, name, number);
    if (next.number === control.live) throw new GenerationUnusable(name, next.number, 'it is read already.');
    const [own, was] = [
      await checkpointOf(view, name, next.number),
      await checkpointOf(view, name, control.live),
    ];
    return { live: control.live, next, own, was };
  });
  await requireOfThisLog(events, name, { generation: next.number, checkpoint: own });
  const position = own?.through ?? 0;
  const plan = { live, next: next.number, own: position, was: was?.through ?? 0 };
  if (await divergence(events, was)) return { ...plan, reached: Infinity };
  const { head } = await events.identity();
  return { ...plan, reached: await evenUpTo(events, next.types, { after: position, upTo: head }) };
}

interface Trying extends Plan {
  readonly isByItself: boolean;
}

/** In a transaction only where it is there: one that reads what batches write is in their way, and they in its. */
async function tryOut(
  state: StateStore,
  name: string,
  plan: Trying,
  patienceMs: number | undefined,
): Promise<Attempt> {
  const { own: position, reached, was: live } = plan;
  if (Math.max(position, reached) < live) return { is: 'behind', position, live };
  return besideReaders(state, name, (tx) => asPlanned(tx, name, plan), patienceMs);
}

type Attempt =
  | { readonly is: 'swapped'; readonly swapped: Swapped }
  | { readonly is: 'behind'; readonly position: number; readonly live: number }
  /** Another one is live than was planned with. */
  | { readonly is: 'outdated' };

/** Exchanges the two, unless the live one has gone on further meanwhile, or another one is live. */
async function asPlanned(tx: StateTransaction, name: string, plan: Trying): Promise<Attempt> {
  const control = await requireControl(tx, name);
  const next = requireGeneration(control, name, plan.next);
  if (plan.isByItself && next.swaps !== true)
    throw new GenerationUnusable(name, plan.next, 'one of a later version is read since.');
  if (control.live !== plan.live) return { is: 'outdated' };
  const position = await positionOf(tx, name, plan.next);
  const live = await positionOf(tx, name, control.live);
  if (Math.max(position, plan.reached) < live) return { is: 'behind', position, live };
  await exchange(tx, name, { control, next });
  return { is: 'swapped', swapped: { generation: plan.next, was: plan.live, position, behind: 0 } };
}

async function behind(
  state: StateStore,
  name: string,
  { next, position, live }: { readonly next: number; readonly position: number; readonly live: number },
): Promise<GenerationUnusable> {
  const { generation, halt } = await state.read(async (view) => {
    const control = await requireControl(view, name);
    const generation = requireGeneration(control, name, next);
    return { generation, halt: await haltOf(view, name, { control, generation }) };
  });
  const isAlone = generation.role === 'building' && !(await feedersOf(state, name)).has(next);
  const alone = isAlone ? unfed(generation) : undefined;
  const advice = halt ?? alone ?? 'wait until it has caught up. To go back to an older one, roll back.';
  return new GenerationUnusable(
    name,
    next,
    `it is at position ${position}, and what is read is at ${live}: ${advice}`,
  );
}

/** How long what is all but there is waited for, and how often it is looked at. */
const [COMING_MS, LOOK_MS] = [30_000, 20];
/** Positions. */
const NEAR = 10_000;

/** @throws GenerationUnusable */
function retired(control: Control, name: string, number: number | undefined): Generation {
  const found = number === undefined ? readBefore(control) : requireGeneration(control, name, number);
  if (found?.role === 'retired') return found;
  const problem =
    found === undefined
      ? 'none that was read before is kept.'
      : found.role === 'live'
        ? 'it is read already.'
        : 'it was never read, so that there is no way back to it: swap it in.';
  throw new GenerationUnusable(name, number, problem);
}

/** The one that was read last: not always the newest, after an earlier way back. */
function readBefore(control: Control): Generation | undefined {
  const kept = present(control).filter(({ role }) => role === 'retired');
  return kept.sort((a, b) => (a.retired ?? 0) - (b.retired ?? 0)).at(-1);
}

/**
 * Whoever was live before is kept, and not fed any more. How it was filled ends with it: what is read keeps up. What earlier
 * versions are filling takes no place by itself any more.
 */
async function exchange(
  tx: StateTransaction,
  name: string,
  { control, next }: { readonly control: Control; readonly next: Generation },
): Promise<void> {
  const { meeting: _over, ...rest } = control;
  const retired = 1 + Math.max(...control.generations.map((it) => it.retired ?? 0));
  const generations = control.generations.map((it): Generation => {
    const { swaps: _swaps, eventsPerSecond: _pace, retired: _retired, ...own } = it;
    if (it.number === next.number) return { ...own, role: 'live' };
    if (it.number === control.live) return { ...own, role: 'retired', retired };
    const { swaps: _late, ...other } = it;
    return it.version < next.version ? other : it;
  });
  const after = { ...rest, live: next.number, generations };
  await writeControl(tx, name, after);
  await showLive(tx, name, { before: control, after });
}
