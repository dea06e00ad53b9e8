import type { EventStore, StoredEvent } from '@backstory/core';
import { follow } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import type { Checkpoint } from '@backstory/core/store';

/** Events of the log that are folded and committed together, and where it goes on after them. */
export interface Batch {
  readonly events: readonly StoredEvent[];
  readonly checkpoint: Checkpoint;
}

/** What is read. */
export interface Reading {
  readonly after: number | Checkpoint;
  readonly types: readonly string[];
  /** Events of a batch at most. */
  readonly most: number;
  /** At most so many events a second are wanted: batches are then so small that they come several times a second. */
  readonly eventsPerSecond: number | undefined;
  readonly signal: AbortSignal;
  /** Of whoever follows, in observations. */
  readonly name: string;
  readonly observer: Observer;
}

/**
 * The log in batches: while there is more, as many pages as make a large one, because a document that changes often is then
 * written once; at the head whatever has come.
 */
export async function* batches(store: EventStore, reading: Reading): AsyncGenerator<Batch, undefined> {
  const { after, types, eventsPerSecond, signal, name, observer } = reading;
  const most = Math.min(reading.most, Math.max(1, Math.ceil((eventsPerSecond ?? Infinity) / 10)));
  const pageSize = Math.min(PAGE, most);
  const pages = follow(store, { after, query: { types, pageSize }, signal, name, observer });
  let events: StoredEvent[] = [];
  let length = 0;
  // The next page is fetched while a batch is at work.
  let next = pages.next();
  for (;;) {
    const read = await next;
    if (read.done === true) return undefined;
    next = pages.next();
    next.catch(() => undefined);
    const { events: come, checkpoint } = read.value;
    events = events.length === 0 ? [...come] : events.concat(come);
    for (const { data } of come) length += data.length;
    const hasRoom = come.length === pageSize && events.length < most && length < LONGEST;
    if (hasRoom && (await comesSoon(next))) continue;
    yield { events, checkpoint };
    events = [];
    length = 0;
  }
}

/** Whether there is another page: after one that was full nobody knows, and at the head none comes until something happens. */
async function comesSoon(next: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE_MS);
  });
  try {
    return await Promise.race([next.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

const PATIENCE_MS = 50;
const PAGE = 2_000;
/** Characters of the data of a batch. */
const LONGEST = 8 * 2 ** 20;
