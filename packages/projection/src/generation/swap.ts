import type { StateStore } from '@backstory/core';
import type { StateTransaction, StateView } from '@backstory/core/state';
import { GenerationUnusable, ProjectionNotFound } from '../errors.js';
import {
  generationIn,
  listControls,
  readControl,
  writeControl,
  type Control,
  type Generation,
} from './control.js';
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

/**
 * Has a generation take the place of the live one, in one transaction: whoever reads sees the one or the other. It must have
 * come as far, so that nobody who reads goes back in time.
 *
 * @throws ProjectionNotFound, GenerationUnusable
 */
export function swap(
  state: StateStore,
  name: string,
  {
    generation: number,
    patienceMs,
  }: { readonly generation?: number | undefined; readonly patienceMs?: number } = {},
): Promise<Swapped> {
  const exchanged = async (tx: StateTransaction) => {
    const control = await requireControl(tx, name);
    const next = number === undefined ? newest(control, name) : requireGeneration(control, name, number);
    const [position, live] = [
      await positionOf(tx, name, next.number),
      await positionOf(tx, name, control.live),
    ];
    if (next.number === control.live) throw new GenerationUnusable(name, next.number, 'it is read already.');
    if (position < live) {
      const message = `it is at position ${position}, and what is read is at ${live}: wait until it has caught up. To go back to an older one, roll back.`;
      throw new GenerationUnusable(name, next.number, message);
    }
    await exchange(tx, name, { control, next });
    return { generation: next.number, was: control.live, position, behind: 0 };
  };
  return besideReaders(state, name, exchanged, patienceMs);
}

/** Swaps if that can be done now: it waits for nobody who reads. */
export async function swapWhenReady(state: StateStore, name: string, generation: number): Promise<boolean> {
  try {
    await swap(state, name, { generation, patienceMs: 0 });
    return true;
  } catch (error) {
    if (error instanceof GenerationUnusable) return false;
    throw error;
  }
}

/** Goes back to the generation that was read before. @throws ProjectionNotFound, GenerationUnusable */
export function rollBack(state: StateStore, name: string, number?: number): Promise<Swapped> {
  return besideReaders(state, name, async (tx) => {
    const control = await requireControl(tx, name);
    const back = number === undefined ? readBefore(control) : requireGeneration(control, name, number);
    if (back?.role !== 'retired')
      throw new GenerationUnusable(name, number, 'none that was read before is kept.');
    const [position, live] = [
      await positionOf(tx, name, back.number),
      await positionOf(tx, name, control.live),
    ];
    await exchange(tx, name, { control, next: back });
    return { generation: back.number, was: control.live, position, behind: Math.max(0, live - position) };
  });
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

async function positionOf(view: StateView, name: string, generation: number): Promise<number> {
  return (await readProgress(view, placesOf(name), generation))?.checkpoint.through ?? 0;
}
