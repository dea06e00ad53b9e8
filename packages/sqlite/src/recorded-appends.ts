import type { AppendResult } from '@backstory/core';
import type { CheckedAppend } from '@backstory/core/store';
import type { Session } from './session.js';

/** An event that was recorded before this batch. */
interface RecordedId {
  readonly stream: string;
  readonly version: number;
  readonly position: number;
  readonly recordedAt: number;
  /** `null`: restored, and nobody knows of which append it was a part. */
  readonly appendIndex: number | null;
}

/** Recognises appends that were recorded before: in the log, or earlier in the same batch. */
export class RecordedAppends {
  private readonly inLog: ReadonlyMap<string, RecordedId>;
  private readonly inBatch = new Map<
    string,
    { readonly append: CheckedAppend; readonly result: AppendResult }
  >();

  constructor(
    private readonly session: Session,
    appends: readonly CheckedAppend[],
  ) {
    const ids = appends.flatMap(({ writes }) => writes.flatMap(({ events }) => events.map(({ id }) => id)));
    this.inLog = new Map(
      session
        .all<[string, string, number, number, number, number | null]>(BY_ID, JSON.stringify(ids))
        .map(([id, stream, version, position, recordedAt, appendIndex]) => [
          id,
          { stream, version, position, recordedAt, appendIndex },
        ]),
    );
  }

  knows(id: string): boolean {
    return this.inLog.has(id) || this.inBatch.has(id);
  }

  /** The first result of the same append; `'reused'` when only some of it is known, or known otherwise. */
  find(append: CheckedAppend): AppendResult | 'reused' | undefined {
    if (this.inLog.size === 0 && this.inBatch.size === 0) return undefined;
    const ids = idsOf(append);
    if (!ids.some(([, id]) => this.knows(id))) return undefined;
    const earlier = this.inBatch.get(append.appendId);
    if (earlier) return isSame(idsOf(earlier.append), ids) ? earlier.result : 'reused';
    return this.isInLog(ids) ? this.resultOf(append) : 'reused';
  }

  add(append: CheckedAppend, result: AppendResult): void {
    const entry = { append, result };
    for (const { events } of append.writes) for (const { id } of events) this.inBatch.set(id, entry);
  }

  /** Side by side, in the same streams, from the beginning of the append to its end. */
  private isInLog(ids: readonly StreamAndId[]): boolean {
    const first = this.inLog.get(ids[0]![1]);
    if (first === undefined) return false;
    const restored = first.appendIndex === null;
    const same = ids.every(([stream, id], i) => {
      const known = this.inLog.get(id);
      const follows = known?.position === first.position + i;
      return follows && known.stream === stream && known.appendIndex === (restored ? null : i);
    });
    if (!same || restored) return same;
    const [next] = this.session.first<[number | null]>(INDEX_AT, first.position + ids.length) ?? [null];
    return next !== ids.length;
  }

  private resultOf({ appendId, writes }: CheckedAppend): AppendResult {
    const last = writes.map(({ events }) => this.inLog.get(events.at(-1)!.id)!);
    return {
      appendId,
      position: last.at(-1)!.position,
      recordedAt: new Date(last[0]!.recordedAt),
      repeated: true,
      writes: last.map(({ stream, version, position }) => ({ stream, version, position })),
    };
  }
}

type StreamAndId = readonly [stream: string, id: string];

function idsOf({ writes }: CheckedAppend): StreamAndId[] {
  return writes.flatMap(({ stream, events }) => events.map(({ id }): StreamAndId => [stream, id]));
}

function isSame(a: readonly StreamAndId[], b: readonly StreamAndId[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const BY_ID = `SELECT id, stream, version, position, recorded_at, append_index FROM events
  WHERE id IN (SELECT value FROM json_each(?))`;

const INDEX_AT = 'SELECT append_index FROM events WHERE position = ?';
