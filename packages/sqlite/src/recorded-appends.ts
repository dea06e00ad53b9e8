import type { AppendResult } from '@backstory/core';
import type { CheckedAppend } from '@backstory/core/store';
import type { Session } from './session.js';

/** Recognises appends that were recorded before: in the log, or earlier in the same batch. */
export class RecordedAppends {
  /** The positions of ids that the log has. */
  private readonly inLog: ReadonlyMap<string, number>;
  private readonly inBatch = new Map<
    string,
    { readonly append: CheckedAppend; readonly result: AppendResult }
  >();

  constructor(
    private readonly session: Session,
    appends: readonly CheckedAppend[],
  ) {
    const ids = appends.flatMap(({ writes }) => writes.flatMap(({ events }) => events.map(({ id }) => id)));
    this.inLog = new Map(session.all<[string, number]>(BY_ID, JSON.stringify(ids)));
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
    return this.findInLog(append, ids) ?? 'reused';
  }

  add(append: CheckedAppend, result: AppendResult): void {
    const entry = { append, result };
    for (const { events } of append.writes) for (const { id } of events) this.inBatch.set(id, entry);
  }

  /** The events stand side by side in the log, in their streams, from the first of an append to its last. */
  private findInLog(
    { appendId, writes }: CheckedAppend,
    ids: readonly StreamAndId[],
  ): AppendResult | undefined {
    const begin = this.inLog.get(appendId);
    if (begin === undefined) return undefined;
    const rows = this.session.all<LogRow>(FROM, begin, ids.length + 1);
    const same = ids.every(([stream, id], i) => {
      const row = rows[i];
      return row?.[0] === id && row[1] === stream && row[2] === i;
    });
    if (!same || rows[ids.length]?.[2] === ids.length) return undefined;
    let end = 0;
    const heads = writes.map(({ stream, events }) => {
      const [, , , version, position] = rows[(end += events.length) - 1]!;
      return { stream, version, position };
    });
    const [, , , , position, recordedAt] = rows[end - 1]!;
    return { appendId, position, recordedAt: new Date(recordedAt), repeated: true, writes: heads };
  }
}

type LogRow = [
  id: string,
  stream: string,
  appendIndex: number,
  version: number,
  position: number,
  recordedAt: number,
];

type StreamAndId = readonly [stream: string, id: string];

function idsOf({ writes }: CheckedAppend): StreamAndId[] {
  return writes.flatMap(({ stream, events }) => events.map(({ id }): StreamAndId => [stream, id]));
}

function isSame(a: readonly StreamAndId[], b: readonly StreamAndId[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const BY_ID = 'SELECT id, position FROM events WHERE id IN (SELECT value FROM json_each(?))';

const FROM = `SELECT id, stream, append_index, version, position, recorded_at FROM events
  WHERE position >= ? ORDER BY position LIMIT ?`;
