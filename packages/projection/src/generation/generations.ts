import type { EventStore, StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import type { Checkpoint } from '@backstory/core/store';
import { GenerationUnusable, ProjectionNotFound } from '../errors.js';
import {
  generationIn,
  listControls,
  present,
  readControl,
  type Control,
  type Generation,
} from './control.js';
import { divergence } from './divergence.js';
import { placesOf } from './places.js';
import { readProgress } from './progress.js';

/** The log, and where what was folded from it is. */
export interface Stores {
  readonly events: EventStore;
  readonly state: StateStore;
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
  const how = 'Say which by its `generation` (--generation on the command line)';
  throw new GenerationUnusable(name, number, `there is none: there are ${numbers.join(', ')}. ${how}.`);
}

/** The one that is being filled, the newest if several are. @throws GenerationUnusable */
export function newest(control: Control, name: string): Generation {
  const building = present(control).findLast(({ role }) => role === 'building');
  if (building) return building;
  throw new GenerationUnusable(name, undefined, 'no other generation is being filled: rebuild first.');
}

/** How far a generation is; `undefined` before its first batch. */
export async function checkpointOf(
  view: StateView,
  name: string,
  generation: number,
): Promise<Checkpoint | undefined> {
  return (await readProgress(view, placesOf(name), generation))?.checkpoint;
}

export async function positionOf(view: StateView, name: string, generation: number): Promise<number> {
  return (await checkpointOf(view, name, generation))?.through ?? 0;
}

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
