import type { EventStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import type { Checkpoint } from '@backstory/core/store';
import { GenerationUnusable } from '../errors.js';
import { generationIn, type Generation } from './control.js';
import type { DocumentDifference } from './comparison.js';
import { checkpointOf, newest, requireControl, requireGeneration, requireOfThisLog } from './generations.js';

/** What comparing two generations, document by document or row by row and at one position, has found. */
export interface Verification {
  readonly projection: string;
  /** What was compared: documents by their keys, or rows of tables by theirs. */
  readonly compared: 'documents' | 'rows';
  /** The generation that is read, and the one it was compared with. */
  readonly live: Side;
  readonly other: Side;
  /** The position at which both were compared. */
  readonly position: number;
  readonly isEqual: boolean;
  /** Documents or rows that are in one of them at least. */
  readonly documents: number;
  /** How many of them differ; the first of them follow. */
  readonly different: number;
  readonly differences: readonly DocumentDifference[];
}

/** One side of a comparison. */
export interface Side {
  readonly generation: number;
  readonly version: number;
  /** SHA-256 over what it holds at the position, in the order of the keys, whatever the order of properties. */
  readonly hash: string;
}

/** A generation as it stands. */
export interface Placed {
  readonly generation: Generation;
  readonly checkpoint: Checkpoint | undefined;
  readonly position: number;
}

/** The two that are compared, as they stand. */
export interface Standing {
  readonly live: Placed;
  readonly other: Placed;
}

/** The generation that is read and the one to compare it with. @throws ProjectionNotFound, GenerationUnusable */
export async function standingOf(
  view: StateView,
  name: string,
  generation: number | undefined,
): Promise<Standing> {
  const { live, other } = await compared(view, name, generation);
  const placed = async (of: Generation): Promise<Placed> => {
    const checkpoint = await checkpointOf(view, name, of.number);
    return { generation: of, checkpoint, position: checkpoint?.through ?? 0 };
  };
  return { live: await placed(live), other: await placed(other) };
}

/** Positions of two logs are not to be compared. @throws GenerationUnusable */
export async function requireOneLog(
  events: EventStore,
  name: string,
  { live, other }: Standing,
): Promise<void> {
  for (const { generation, checkpoint } of [live, other])
    await requireOfThisLog(events, name, { generation: generation.number, checkpoint });
}

async function compared(
  view: StateView,
  name: string,
  generation: number | undefined,
): Promise<{ readonly live: Generation; readonly other: Generation }> {
  const control = await requireControl(view, name);
  const live = generationIn(control, control.live)!;
  const other =
    generation === undefined ? newest(control, name) : requireGeneration(control, name, generation);
  if (other.number !== live.number) return { live, other };
  throw new GenerationUnusable(name, other.number, 'it is the one that is read.');
}
