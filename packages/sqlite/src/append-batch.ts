import { EventIdReused, VersionConflict, type AppendResult } from '@backstory/core';
import type { AppendOutcome, CheckedAppend } from '@backstory/core/store';
import { insertEvents, type NewRow } from './insert-events.js';
import type { LogTail } from './log-tail.js';
import { RecordedAppends } from './recorded-appends.js';
import type { Session } from './session.js';

/** What became of a batch, and the end of the log after it. */
export interface CommittedBatch {
  readonly outcomes: readonly AppendOutcome[];
  readonly head: number;
  /** The versions of the batch's streams. */
  readonly versions: ReadonlyMap<string, number>;
  /** `false`: nothing was written. */
  readonly wrote: boolean;
}

export interface BatchOptions {
  readonly now: number;
  readonly tail: LogTail;
  /** Look for the batch's ids before anything is written. */
  readonly lookFirst: boolean;
}

/**
 * Decides a batch of appends as if they ran one after another, and writes what is to be written, in the transaction that
 * is open. Everything is decided before anything is written, so that one append's conflict touches no other.
 *
 * That an append comes again is rare, and looking for it is paid for by all. So it is looked for where a version does not
 * hold, for identity comes first; where all hold, the index of ids tells.
 *
 * @throws SqliteFailure for a constraint: an id is there already. Look first then.
 */
export async function appendBatch(
  session: Session,
  appends: readonly CheckedAppend[],
  options: BatchOptions,
): Promise<CommittedBatch> {
  const batch =
    (options.lookFirst ? undefined : allNew(session, appends, options)) ??
    oneByOne(session, appends, options);
  await insertEvents(session, batch.rows);
  const { outcomes, head, versions, rows } = batch;
  return { outcomes, head, versions, wrote: rows.length > 0 };
}

/** `undefined` where a version does not hold. */
function allNew(
  session: Session,
  appends: readonly CheckedAppend[],
  options: BatchOptions,
): Batch | undefined {
  const batch = new Batch(session, appends, options);
  for (const append of appends) {
    if (batch.conflictOf(append)) return undefined;
    batch.outcomes.push({ result: batch.take(append) });
  }
  return batch;
}

/** Identity comes before the version: what was recorded once is answered as it was then. */
function oneByOne(session: Session, appends: readonly CheckedAppend[], options: BatchOptions): Batch {
  const batch = new Batch(session, appends, options);
  const recorded = new RecordedAppends(session, appends);
  for (const append of appends) {
    const repeated = recorded.find(append);
    const error = repeated === 'reused' ? reuse(append, recorded) : !repeated && batch.conflictOf(append);
    if (error) batch.outcomes.push({ error });
    else if (repeated) batch.outcomes.push({ result: { ...(repeated as AppendResult), repeated: true } });
    else {
      const result = batch.take(append);
      recorded.add(append, result);
      batch.outcomes.push({ result });
    }
  }
  return batch;
}

function reuse({ writes }: CheckedAppend, recorded: RecordedAppends): EventIdReused {
  for (const { stream, events } of writes) {
    for (const { id } of events) if (recorded.knows(id)) return new EventIdReused(id, stream);
  }
  throw new Error('An id that nobody knows cannot be used again.');
}

class Batch {
  readonly outcomes: AppendOutcome[] = [];
  readonly rows: NewRow[] = [];
  readonly versions: Map<string, number>;
  head: number;
  private readonly recordedAt: number;

  constructor(session: Session, appends: readonly CheckedAppend[], { now, tail }: BatchOptions) {
    const [head, time] = session.first<[number, number]>(HEAD) ?? [0, 0];
    this.head = head;
    this.recordedAt = Math.max(time, Math.floor(now));
    this.versions = tail.versionsOf(session, streamsOf(appends), head);
  }

  conflictOf({ writes }: CheckedAppend): VersionConflict | undefined {
    for (const { stream, expected } of writes) {
      const actual = this.versions.get(stream)!;
      const holds = expected === 'any' || (expected === 'exists' ? actual > 0 : expected === actual);
      if (!holds) return new VersionConflict(stream, expected, actual);
    }
    return undefined;
  }

  take({ appendId, writes }: CheckedAppend): AppendResult {
    const { recordedAt, rows } = this;
    let appendIndex = 0;
    const heads = writes.map(({ stream, events }) => {
      let version = this.versions.get(stream)!;
      for (const event of events) {
        rows.push({
          event,
          stream,
          version: ++version,
          position: ++this.head,
          recordedAt,
          appendIndex: appendIndex++,
        });
      }
      this.versions.set(stream, version);
      return { stream, version, position: this.head };
    });
    return {
      appendId,
      position: this.head,
      recordedAt: new Date(recordedAt),
      repeated: false,
      writes: heads,
    };
  }
}

const HEAD = 'SELECT position, recorded_at FROM events WHERE position = (SELECT max(position) FROM events)';

function streamsOf(appends: readonly CheckedAppend[]): Set<string> {
  const streams = new Set<string>();
  for (const { writes } of appends) for (const { stream } of writes) streams.add(stream);
  return streams;
}
