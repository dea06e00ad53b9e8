import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, StateStore } from '@backstory/core';
import type { StateTransaction, StateView } from '@backstory/core/state';
import type { Checkpoint } from '@backstory/core/store';
import { GenerationUnusable, ProjectionNotFound } from '../errors.js';
import {
  generationIn,
  listControls,
  readControl,
  writeControl,
  type Control,
  type Generation,
} from './control.js';
import { divergence } from './divergence.js';
import { evenUpTo } from './events-between.js';
import { feedersOf } from './feeders.js';
import { besideReaders, showLive } from './live-views.js';
import { placesOf } from './places.js';
import { readProgress } from './progress.js';
import { present } from './register.js';

/** Which generation took the place of which, and how far behind it is. */
export interface Swapped {
  readonly generation: number;
  readonly was: number;
  readonly position: number;
  /** Positions that it is behind what was read until now; 0 when it is not. */
  readonly behind: number;
}

/** The log, and where what was folded from it is. */
export interface Stores {
  readonly events: EventStore;
  readonly state: StateStore;
}

/** Which one, and how long to try where others are in the way. */
export interface SwapOptions {
  /** Default: the one that is being filled. */
  readonly generation?: number | undefined;
  readonly patienceMs?: number;
}

/**
 * Has a generation take the place of the live one, in one transaction: whoever reads sees the one or the other. It must have
 * every event that the live one has, so that nobody who reads goes back in time; one that is fed is waited for, shortly. A live one
 * that is of another log than the one that is there is no measure.
 *
 * @throws ProjectionNotFound, GenerationUnusable
 */
export async function swap(
  stores: Stores,
  name: string,
  { generation, patienceMs }: SwapOptions = {},
): Promise<Swapped> {
  let until: number | undefined;
  for (;;) {
    const plan = await planned(stores, name, generation);
    const work = (tx: StateTransaction) => asPlanned(tx, name, plan);
    const done = await besideReaders(stores.state, name, work, patienceMs);
    if (done.isSwapped) return done.swapped;
    until ??= performance.now() + (patienceMs ?? BEHIND_MS);
    const isFed = (await feedersOf(stores.state, name)).has(plan.next);
    if (!isFed || performance.now() >= until) throw behind(name, plan.next, done);
    await wait(LOOK_MS);
  }
}

/** Swaps if that can be done now: it waits for nobody. */
export async function swapWhenReady(stores: Stores, name: string, generation: number): Promise<boolean> {
  try {
    await swap(stores, name, { generation, patienceMs: 0 });
    return true;
  } catch (error) {
    if (error instanceof GenerationUnusable) return false;
    throw error;
  }
}

/** Goes back to the generation that was read before. @throws ProjectionNotFound, GenerationUnusable */
export async function rollBack({ events, state }: Stores, name: string, number?: number): Promise<Swapped> {
  const { back, at, was } = await state.read(async (view) => {
    const control = await requireControl(view, name);
    const found = retired(control, name, number);
    const [own, live] = [found.number, control.live];
    return { back: own, at: await checkpointOf(view, name, own), was: await checkpointOf(view, name, live) };
  });
  await requireOfThisLog(events, name, { generation: back, checkpoint: at });
  const isMeasure = (await divergence(events, was)) === undefined;
  return besideReaders(state, name, async (tx) => {
    const control = await requireControl(tx, name);
    const next = retired(control, name, back);
    const position = at?.through ?? 0;
    const live = isMeasure ? await positionOf(tx, name, control.live) : 0;
    await exchange(tx, name, { control, next });
    return { generation: back, was: control.live, position, behind: Math.max(0, live - position) };
  });
}

/** Which is to take whose place, and up to where it has every event. */
interface Plan {
  readonly live: number;
  readonly next: number;
  readonly reached: number;
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
  if (await divergence(events, was)) return { live, next: next.number, reached: Infinity };
  const { head } = await events.identity();
  const reached = await evenUpTo(events, next.types, { after: own?.through ?? 0, upTo: head });
  return { live, next: next.number, reached };
}

type Attempt =
  | { readonly isSwapped: true; readonly swapped: Swapped }
  | { readonly isSwapped: false; readonly position: number; readonly live: number };

/** Exchanges the two, unless the live one has gone on further meanwhile, or another one is live. */
async function asPlanned(tx: StateTransaction, name: string, plan: Plan): Promise<Attempt> {
  const control = await requireControl(tx, name);
  const next = requireGeneration(control, name, plan.next);
  const position = await positionOf(tx, name, plan.next);
  const live = await positionOf(tx, name, control.live);
  const isEven = control.live === plan.live && Math.max(position, plan.reached) >= live;
  if (!isEven) return { isSwapped: false, position, live };
  await exchange(tx, name, { control, next });
  return { isSwapped: true, swapped: { generation: plan.next, was: plan.live, position, behind: 0 } };
}

function behind(
  name: string,
  generation: number,
  { position, live }: { readonly position: number; readonly live: number },
): GenerationUnusable {
  const message = `it is at position ${position}, and what is read is at ${live}: wait until it has caught up. To go back to an older one, roll back.`;
  return new GenerationUnusable(name, generation, message);
}

/** How long one that is fed is waited for, and how often it is looked at. */
const [BEHIND_MS, LOOK_MS] = [5_000, 20];

/** @throws GenerationUnusable where it was folded from another log than the one that is there */
export async function requireOfThisLog(
  events: EventStore,
  name: string,
  { generation, checkpoint }: { readonly generation: number; readonly checkpoint: Checkpoint | undefined },
): Promise<void> {
  const diverged = await divergence(events, checkpoint);
  if (!diverged) return;
  const message = `it was folded from another log than the one that is there (${diverged.reason}): rebuild, and drop it.`;
  throw new GenerationUnusable(name, generation, message);
}

/** @throws GenerationUnusable */
function retired(control: Control, name: string, number: number | undefined): Generation {
  const found = number === undefined ? readBefore(control) : requireGeneration(control, name, number);
  if (found?.role === 'retired') return found;
  throw new GenerationUnusable(name, number, 'none that was read before is kept.');
}

/** The one that was read last: not always the newest, after an earlier way back. */
function readBefore(control: Control): Generation | undefined {
  const kept = present(control).filter(({ role }) => role === 'retired');
  return kept.sort((a, b) => (a.retired ?? 0) - (b.retired ?? 0)).at(-1);
}

/** @throws ProjectionNotFound */
export async function requireControl(view: StateView, name: string): Promise<Control> {
  const control = await readControl(view, name);
  if (!control) throw new ProjectionNotFound(name, [...(await listControls(view)).keys()]);
  return control;
}

/** @throws GenerationUnusable */
export function requireGeneration(control: Control, name: string, number: number): Generation {
  const found = generationIn(control, number);
  if (found && found.role !== 'dropping') return found;
  const numbers = present(control).map((it) => it.number);
  throw new GenerationUnusable(name, number, `there is none: there are ${numbers.join(', ')}.`);
}

/** The one that is being filled, the newest if several are. @throws GenerationUnusable */
export function newest(control: Control, name: string): Generation {
  const building = present(control).findLast(({ role }) => role === 'building');
  if (building) return building;
  throw new GenerationUnusable(name, undefined, 'no other generation is being filled: rebuild first.');
}

/** Whoever was live before is kept, and not fed any more. How it was filled ends with it: what is read keeps up. */
async function exchange(
  tx: StateTransaction,
  name: string,
  { control, next }: { readonly control: Control; readonly next: Generation },
): Promise<void> {
  const retired = 1 + Math.max(...control.generations.map((it) => it.retired ?? 0));
  const generations = control.generations.map((it): Generation => {
    const { swaps: _swaps, eventsPerSecond: _pace, retired: _retired, ...own } = it;
    if (it.number === next.number) return { ...own, role: 'live' };
    return it.number === control.live ? { ...own, role: 'retired', retired } : it;
  });
  const after = { ...control, live: next.number, generations };
  await writeControl(tx, name, after);
  await showLive(tx, name, { before: control, after });
}

export async function checkpointOf(
  view: StateView,
  name: string,
  generation: number,
): Promise<Checkpoint | undefined> {
  return (await readProgress(view, placesOf(name), generation))?.checkpoint;
}

async function positionOf(view: StateView, name: string, generation: number): Promise<number> {
  return (await checkpointOf(view, name, generation))?.through ?? 0;
}
