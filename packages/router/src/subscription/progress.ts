import { deriveId } from '@backstory/core';
import { UnknownFormat, readFormat, type Checkpoint } from '@backstory/core/store';

/** How far one partition of a subscription is, as it is stored. */
export interface Progress {
  readonly logId: string;
  readonly epoch: number;
  /** Every event of the partition up to here is handled, or waits behind a parked key. */
  readonly through: number;
  /** The last event up to there that is known, of whichever partition and type: proof that the log still holds what was read. */
  readonly last?: { readonly id: string; readonly position: number };
  /** Positions after `through` that are finished as well, ascending. */
  readonly ahead: readonly number[];
  /** The last of these: proof that the log still holds them. */
  readonly farthest?: { readonly id: string; readonly position: number };
  readonly parked: ParkedCounts;
  /** The reset that was carried out last. */
  readonly reset?: string;
  /** Since when every event of some types has an outcome. */
  readonly accounted?: Accounted;
  /** When it was stored. */
  readonly savedAt?: string;
}

/** What the log must hold for progress to be of it: everything up to the last event that is finished, in turn or ahead. */
export function proofOf({
  through,
  ahead,
  last,
  farthest,
}: Pick<Progress, 'through' | 'ahead' | 'last' | 'farthest'>): Pick<Checkpoint, 'through' | 'last'> {
  const proof = farthest ?? last;
  return { through: ahead.at(-1) ?? through, ...(proof && { last: proof }) };
}

/** Every event of these types that is dealt with and lies after a position has an outcome. */
export interface Accounted {
  /** Which types: a name for the list of them. */
  readonly types: string;
  readonly after: number;
}

/** The name of a list of types. */
export function accountedTypes(types: readonly string[]): string {
  return deriveId('accounted', types.join());
}

/** How many keys are parked in which state. */
export interface ParkedCounts {
  readonly retrying: number;
  readonly dead: number;
  readonly draining: number;
}

const FORMAT = 'backstory.subscription-progress/1';

export function writeProgress(progress: Progress): string {
  const { logId, epoch, through, last, ahead, farthest, parked, reset, accounted } = progress;
  const savedAt = new Date().toISOString();
  const where = { logId, epoch, through, last, ahead, farthest };
  return JSON.stringify({ format: FORMAT, ...where, parked, reset, accounted, savedAt });
}

/** @throws UnknownFormat */
export function readProgress(text: string): Progress {
  const read = readFormat<Progress>(text, FORMAT);
  const { logId, epoch, through, ahead } = read;
  const isWhole =
    typeof logId === 'string' &&
    isCount(epoch) &&
    isCount(through) &&
    Array.isArray(ahead) &&
    ahead.every(isCount);
  // It decides where handling goes on: one that cannot be compared would skip events.
  if (!isWhole) throw new UnknownFormat(FORMAT, 'a damaged one');
  return read;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
