import { categoryOf } from '@backstory/core';
import type { CheckedEvent } from '@backstory/core/store';
import type { Value } from './driver.js';
import { Pace } from './pace.js';
import type { Session } from './session.js';

/** An event with its place in the log. */
export interface NewRow {
  readonly event: CheckedEvent;
  readonly stream: string;
  readonly version: number;
  readonly position: number;
  readonly recordedAt: number;
  readonly appendIndex: number;
}

/**
 * Writes events in the transaction that is open. Many rows a statement, because what a statement and its trigger cost
 * is paid per statement; OR ROLLBACK, because the caller rolls back anyway and SQLite need not prepare to undo a part.
 */
export async function insertEvents(session: Session, rows: readonly NewRow[]): Promise<void> {
  const pace = new Pace();
  for (let from = 0; from < rows.length;) {
    const count = CHUNKS.find((size) => size <= rows.length - from)!;
    session.run(INSERTS[count]!, valuesOf(rows, from, from + count));
    from += count;
    await pace.breathe();
  }
}

const CHUNKS = [64, 16, 4, 1] as const;

const COLUMNS = [
  'position',
  'stream',
  'category',
  'version',
  'id',
  'type',
  'schema_version',
  'data',
  'metadata',
  'recorded_at',
  'correlation_id',
  'causation_id',
  'append_index',
];

const INSERTS: Readonly<Record<number, string>> = Object.fromEntries(
  CHUNKS.map((count) => {
    const row = `(${COLUMNS.map(() => '?').join(', ')})`;
    const rows = Array.from({ length: count }, () => row).join(', ');
    return [count, `INSERT OR ROLLBACK INTO events (${COLUMNS.join(', ')}) VALUES ${rows}`];
  }),
);

function valuesOf(rows: readonly NewRow[], from: number, to: number): Value[] {
  const values: Value[] = [];
  for (let i = from; i < to; i++) {
    const { event, stream, version, position, recordedAt, appendIndex } = rows[i]!;
    const { id, type, schemaVersion, data, metadata, correlationId, causationId } = event;
    values.push(position, stream, categoryOf(stream), version, id, type, schemaVersion, data, metadata);
    values.push(recordedAt, correlationId, causationId ?? null, appendIndex);
  }
  return values;
}
