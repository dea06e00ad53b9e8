import { EventIdReused, VersionConflict, type AppendResult } from '@backstory/core';
import type { AppendOutcome, CheckedAppend, CheckedWrite } from '@backstory/core/store';
import { insertEvents, type NewRow } from './insert-events.js';
import { RecordedAppends } from './recorded-appends.js';
import type { Session } from './session.js';

/** What became of a batch, and the head after it. */
export interface CommittedBatch {
  readonly outcomes: readonly AppendOutcome[];
  readonly head: number;
  /** `false`: nothing was written. */
  readonly wrote: boolean;
}

/**
 * Decides a batch of appends as if they ran one after another, and writes what is to be written, in the transaction that
 * is open. Everything is decided before anything is written, so that one append's conflict touches no other.
 */
export async function appendBatch(
  session: Session,
  appends: readonly CheckedAppend[],
  now: number,
): Promise<CommittedBatch> {
  const batch = new Batch(session, appends, now);
  const outcomes = appends.map((append): AppendOutcome => {
    try {
      return { result: batch.decide(append) };
    } catch (error) {
      return { error };
    }
  });
  await insertEvents(session, batch.rows);
  return { outcomes, head: batch.head, wrote: batch.rows.length > 0 };
}

class Batch {
  readonly rows: NewRow[] = [];
  head: number;
  private readonly recordedAt: number;
  private readonly recorded: RecordedAppends;
  private readonly versions: Map<string, number>;

  constructor(session: Session, appends: readonly CheckedAppend[], now: number) {
    const [head, time] = session.first<[number, number]>(HEAD) ?? [0, 0];
    this.head = head;
    this.recordedAt = Math.max(time, Math.floor(now));
    this.recorded = new RecordedAppends(session, appends);
    this.versions = versionsOf(session, appends);
  }

  /** Identity comes before the version: what was recorded once is answered as it was then. */
  decide(append: CheckedAppend): AppendResult {
    const repeated = this.recorded.find(append);
    if (repeated === 'reused') throw this.reuse(append);
    if (repeated) return { ...repeated, repeated: true };
    for (const write of append.writes) this.checkVersion(write);
    const result = this.take(append);
    this.recorded.add(append, result);
    return result;
  }

  private reuse({ writes }: CheckedAppend): EventIdReused {
    for (const { stream, events } of writes) {
      for (const { id } of events) if (this.recorded.knows(id)) return new EventIdReused(id, stream);
    }
    throw new Error('An id that nobody knows cannot be used again.');
  }

  private checkVersion({ stream, expected }: CheckedWrite): void {
    const actual = this.versions.get(stream) ?? 0;
    const holds = expected === 'any' || (expected === 'exists' ? actual > 0 : expected === actual);
    if (!holds) throw new VersionConflict(stream, expected, actual);
  }

  private take({ appendId, writes }: CheckedAppend): AppendResult {
    let index = 0;
    const heads = writes.map(({ stream, events }) => {
      let version = this.versions.get(stream) ?? 0;
      for (const event of events) {
        const place = { position: ++this.head, stream, version: ++version, appendIndex: index++ };
        this.rows.push({ ...place, event, recordedAt: this.recordedAt });
      }
      this.versions.set(stream, version);
      return { stream, version, position: this.head };
    });
    const recordedAt = new Date(this.recordedAt);
    return { appendId, position: this.head, recordedAt, repeated: false, writes: heads };
  }
}

const HEAD = 'SELECT position, recorded_at FROM events WHERE position = (SELECT max(position) FROM events)';

const VERSIONS = 'SELECT value, (SELECT max(version) FROM events WHERE stream = value) FROM json_each(?)';

function versionsOf(session: Session, appends: readonly CheckedAppend[]): Map<string, number> {
  const streams = new Set(appends.flatMap(({ writes }) => writes.map(({ stream }) => stream)));
  const rows = session.all<[string, number | null]>(VERSIONS, JSON.stringify([...streams]));
  return new Map(rows.map(([stream, version]) => [stream, version ?? 0]));
}
