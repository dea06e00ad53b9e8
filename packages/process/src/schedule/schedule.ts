import { deriveId, type ContextFields } from '@backstory/core';
import { readFormat } from '@backstory/core/store';

/** A command or an event that is kept for later. */
export interface Schedule {
  readonly id: string;
  /** A command is dispatched; an event is recorded in `stream`. */
  readonly kind: 'command' | 'event';
  readonly type: string;
  readonly stream: string | undefined;
  /** When it is due, or was. */
  readonly due: Date;
  /** Milliseconds from one time to the next; `undefined`: once. */
  readonly every: number | undefined;
  /**
   * `firing`: it is under way, and cannot be cancelled any more, unless the process that fired it is gone. `failed`: it is not tried again unless asked for. `done`: a handler that
   * runs again asked for it, and it was carried out, cancelled or replaced meanwhile.
   */
  readonly state: 'waiting' | 'firing' | 'failed' | 'done';
  /** Failed attempts at this time. */
  readonly attempts: number;
  /**
   * An attempt, of it or of one whose place it took, is under way, or ran out of time, or its process is gone, and nobody has said that it ended; or
   * nobody knows whether what it did was recorded. So that may be recorded, also where the schedule is cancelled. Over when that attempt ends, or
   * another one has carried out the same: another time of what happens again and again says nothing of it.
   */
  readonly isInDoubt: boolean;
  /** Why the last attempt failed. */
  readonly error: string | undefined;
  /** When it is tried next, where it failed before or met an outage. */
  readonly retryAt: Date | undefined;
  /** Who scheduled it, as part of what. */
  readonly actor: string | undefined;
  readonly correlationId: string | undefined;
}

/** A schedule as it is kept. Times are ISO 8601, so that their order is that of their texts. */
export interface StoredSchedule {
  readonly id: string;
  /** Tells this schedule from another that had its id before; the ids of what it does follow from it. */
  readonly token: string;
  /** The token follows from the run of a handler or command, which gives the same when it runs again. */
  readonly isDerived?: true;
  readonly kind: Schedule['kind'];
  readonly stream?: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** As the codec writes events. */
  readonly data: string;
  readonly context: ContextFields;
  readonly due: string;
  readonly every?: number;
  /** When it is looked at next. */
  readonly tryAt: string;
  readonly state: Exclude<Schedule['state'], 'done'>;
  readonly attempts: number;
  readonly error?: string;
  /**
   * Who carries on an attempt whose time is over, or {@link LOST}; or the token of one that was under way when this one took its place. The attempt
   * may be of this schedule, or of one that had its id before.
   */
  readonly inDoubt?: string;
  /** That is an attempt at a time before this, or of the one that had this id before: carrying this out does not end it. */
  readonly isDoubtEarlier?: true;
}

/** Whoever carried it out cannot be asked any more, or does not know what became of it. */
export const LOST = 'lost';

const FORMAT = 'backstory.schedule/1';

/** The stored form, format version 1. */
export function writeSchedule(schedule: StoredSchedule): string {
  return JSON.stringify({ format: FORMAT, ...schedule });
}

/** Reads what {@link writeSchedule} wrote. @throws UnknownFormat */
export function readSchedule(text: string): StoredSchedule {
  return readFormat<StoredSchedule>(text, FORMAT);
}

/** Whether this time of it was tried; an attempt that met an outage does not count, and was made. */
export function wasTried({ state, attempts, due, tryAt }: StoredSchedule): boolean {
  return state === 'failed' || attempts > 0 || tryAt !== due;
}

/** Whether an attempt of it may be at work. */
export function isInDoubt({ state, inDoubt }: StoredSchedule): boolean {
  return state === 'firing' || inDoubt !== undefined;
}

export function withDoubt(
  { inDoubt: _, isDoubtEarlier, ...schedule }: StoredSchedule,
  inDoubt: string | undefined,
  isEarlier = isDoubtEarlier === true,
): StoredSchedule {
  if (inDoubt === undefined) return schedule;
  return { ...schedule, inDoubt, ...(isEarlier && { isDoubtEarlier: true as const }) };
}

/** What stays in doubt when this was carried out. */
export function earlierDoubt({ inDoubt, isDoubtEarlier }: StoredSchedule): string | undefined {
  return isDoubtEarlier ? inDoubt : undefined;
}

/** As it is shown. */
export function shownSchedule(stored: StoredSchedule): Schedule {
  const { id, kind, type, stream, due, every, state, attempts, error, tryAt, context } = stored;
  const retryAt = wasTried(stored) && state === 'waiting' ? new Date(tryAt) : undefined;
  const { actor, correlationId } = context;
  return {
    id,
    kind,
    type,
    stream,
    due: new Date(due),
    every,
    state,
    attempts,
    isInDoubt: isInDoubt(stored),
    error,
    retryAt,
    actor,
    correlationId,
  };
}

/**
 * The id of what it does: the same whenever it is fired for this time. Asked for by a handler that runs again, it is due at another time, and still
 * the same.
 */
export function firingId({ token, due, every, isDerived }: StoredSchedule): string {
  return isDerived && every === undefined ? deriveId('schedule', token) : deriveId('schedule', token, due);
}

/** The next time of what is to happen again, after now: what was missed meanwhile is made up for once. `undefined`: none is left. */
export function nextTime(schedule: StoredSchedule, now: number): StoredSchedule | undefined {
  const { every, due, error: _error, ...rest } = withDoubt(schedule, undefined);
  if (every === undefined) return undefined;
  const at = Date.parse(due);
  const time = at + every * (Math.max(0, Math.floor((now - at) / every)) + 1);
  if (time > LAST_TIME) return undefined;
  const next = new Date(time).toISOString();
  return { ...rest, every, due: next, tryAt: next, state: 'waiting', attempts: 0 };
}

/** Four digits for the year, so that the order of times is that of their texts. */
export const LAST_TIME = Date.parse('9999-12-31T23:59:59.999Z');
