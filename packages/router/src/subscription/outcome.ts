import { storable } from '@backstory/core/state';
import { readFormat } from '@backstory/core/store';
import type { FailureKind, ParkedError } from './parked-key.js';

/**
 * What became of an event at one of its handlers.
 *
 * | state | |
 * |---|---|
 * | `handled` | the handler ended well |
 * | `retrying` | it failed, and is tried again |
 * | `dead` | it failed for good: the key is parked until somebody decides |
 * | `skipped`, `discarded` | somebody decided to leave it out |
 */
export interface Outcome {
  readonly state: 'handled' | 'retrying' | 'dead' | 'skipped' | 'discarded';
  readonly eventId: string;
  readonly position: number;
  readonly stream: string;
  readonly eventType: string;
  readonly key: string;
  /** Empty where the event could not be read. */
  readonly handler: string;
  readonly attempts: number;
  /** When the last attempt began and ended, by the clock of its process. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** How long the last attempt took. */
  readonly durationMs: number;
  /** What the handler gave, as JSON, cut where it is long. */
  readonly result?: string;
  /** Why the last attempt that failed did so. */
  readonly reason?: FailureKind;
  readonly error?: ParkedError;
  /** The request by which it was handled again. Then nothing is parked: `dead` says that it failed as often as it may. */
  readonly replay?: string;
  /** Who decided to leave it out, and why. */
  readonly decision?: { readonly actor: string; readonly reason?: string };
}

const FORMAT = 'backstory.outcome/1';

export function writeOutcome(outcome: Outcome): string {
  return JSON.stringify({ format: FORMAT, ...outcome });
}

/** @throws UnknownFormat */
export function readOutcome(text: string): Outcome {
  return readFormat<Outcome>(text, FORMAT);
}

/** Where an outcome is stored: in the order of the log, so that the oldest are found and one event's are together. */
export function outcomeAt({ position, handler }: Pick<Outcome, 'position' | 'handler'>): string {
  return `${outcomesOf(position)}${storable(handler, 200)}`;
}

/** What the outcomes of one event begin with. */
export function outcomesOf(position: number): string {
  return `${String(position).padStart(16, '0')}/`;
}

/** What a handler gave, as it is kept; `undefined` where it gave nothing, or what JSON cannot say. */
export function resultText(result: unknown): string | undefined {
  if (result === undefined) return undefined;
  try {
    const text = JSON.stringify(result) as string | undefined;
    return text === undefined ? undefined : storable(text, LONGEST_RESULT);
  } catch {
    return undefined;
  }
}

const LONGEST_RESULT = 2_000;
