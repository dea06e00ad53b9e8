import type { EventStore } from '@backstory/core';
import type { Checkpoint } from '@backstory/core/store';
import { ProjectionDiverged } from '../errors.js';
import { generationIn, readControl } from './control.js';
import { divergence } from './divergence.js';
import { evenUpTo } from './events-between.js';
import { placesOf } from './places.js';
import { readProgress, readTrouble } from './progress.js';
import type { Stores } from './generations.js';

/** How far what is read has come, as seen from a position. */
export interface Reached {
  /** Whether every event up to the position is in it. */
  readonly isThere: boolean;
  readonly through: number;
  /** It is paused, or was stopped by a fault. */
  readonly isHalted: boolean;
}

/**
 * Whether what is read has every event up to a position: its checkpoint is as far, or no event of its own follows up to there.
 *
 * @throws ProjectionDiverged where its checkpoint is of another log, whose positions say nothing of this one's
 */
export async function reached({ events, state }: Stores, name: string, position: number): Promise<Reached> {
  const places = placesOf(name);
  const stored = await state.read(async (view) => {
    const control = await readControl(view, name);
    const live = control && generationIn(control, control.live)!;
    if (!live) return undefined;
    const { number, types } = live;
    const checkpoint = (await readProgress(view, places, number))?.checkpoint;
    const trouble = await readTrouble(view, places, number);
    return { types, checkpoint, isHalted: control.paused !== undefined || trouble?.state === 'faulted' };
  });
  if (!stored) return { isThere: false, through: 0, isHalted: false };
  const { types, checkpoint, isHalted } = stored;
  await requireSameLog(events, name, checkpoint);
  const through = checkpoint?.through ?? 0;
  if (through >= position) return { isThere: true, through, isHalted };
  const { head } = await events.identity();
  const upTo = Math.min(head, position);
  const isThere = (await evenUpTo(events, types, { after: through, upTo })) >= position;
  return { isThere, through, isHalted };
}

/** @throws ProjectionDiverged where what is read was folded from another log than the one that is there */
export async function requireSameLog(
  events: EventStore,
  name: string,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  const diverged = await divergence(events, checkpoint);
  if (diverged) throw new ProjectionDiverged(name, diverged);
}
