import {
  InvalidQuery,
  StoreUnavailable,
  StoreUnusable,
  type EventStore,
  type StoredEvent,
} from '@backstory/core';
import { StoreClosed } from '@backstory/core/store';
import { NotProvable } from './errors.js';
import { oneAhead } from './one-ahead.js';

/** A part of the log: positions > `after` and ≤ `upTo`. */
export interface LogRange {
  readonly after: number;
  readonly upTo: number;
}

/** A place at which the store fails, also when it is asked for nothing else. */
export interface UnreadableEvent {
  readonly position: number;
  readonly message: string;
}

/** How a log is read. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Goes on behind what the store cannot read, and says where that is. */
  readonly tolerant?: boolean;
}

const PAGE = 1_024;

/** Every event of a part of the log, system streams as well, in pages. */
export async function* readLog(
  store: EventStore,
  { after, upTo }: LogRange,
  { signal, tolerant = false }: ReadOptions = {},
): AsyncGenerator<readonly StoredEvent[] | UnreadableEvent, void> {
  let come = after;
  let failure: Error;
  try {
    const pages = store.readAll({ after, upTo, includeSystem: true, pageSize: PAGE });
    for await (const { events } of oneAhead(pages)) {
      signal?.throwIfAborted();
      requireTexts(events);
      yield events;
      come = Math.max(come, events.at(-1)?.position ?? 0);
    }
    return;
  } catch (error) {
    if (!tolerant || signal?.aborted || !isDamage(error)) throw error;
    failure = error;
  }
  const nothing = { after: upTo, upTo, includeSystem: true };
  if (!(await canBeRead(store.readAll(nothing))))
    throw new LogUnreadable(failure.message, { cause: failure });
  // The page that failed has good events in it: halves of the rest are read until the bad one is alone.
  if (upTo - come <= 1) {
    yield { position: upTo, message: failure.message };
    return;
  }
  const middle = come + Math.floor((upTo - come) / 2);
  yield* readLog(store, { after: come, upTo: middle }, { signal, tolerant });
  yield* readLog(store, { after: middle, upTo }, { signal, tolerant });
}

/** Whoever may change a database may also put bytes where text belongs. @throws NotProvable */
function requireTexts(events: readonly StoredEvent[]): void {
  for (const { data, metadata, position } of events) {
    if (typeof data === 'string' && typeof metadata === 'string') continue;
    const message = `The event at position ${position} holds bytes in place of text: run "backstory audit verify".`;
    throw new NotProvable(`position ${position}`, 'damaged', message);
  }
}

/** A log of which nothing can be read, wherever one looks. */
export class LogUnreadable extends Error {}

/** Whether a store gives a part of the log in which nothing is: what fails otherwise is no event. */
export async function canBeRead(nothing: AsyncIterable<unknown>): Promise<boolean> {
  try {
    for await (const _ of nothing);
    return true;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return false;
  }
}

/** Whether what a store fails with lies in what it holds: not what passes, not what we did ourselves, and not what we may not do. */
export function isDamage(error: unknown): error is Error {
  if (error instanceof StoreUnusable) return error.problem === 'corrupt' || error.problem === 'missing';
  const passing = [StoreUnavailable, StoreClosed, InvalidQuery].some((kind) => error instanceof kind);
  return error instanceof Error && !passing;
}
