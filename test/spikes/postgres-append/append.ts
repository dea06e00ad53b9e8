import { EventIdReused, VersionConflict, type LogPage } from '@backstory/core';
import type { AppendOutcome, CheckedAppend, CheckedEvent, CheckedWrite } from '@backstory/core/store';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientBase, QueryConfig } from 'pg';

export const APPEND_V1 = readFileSync(join(__dirname, 'append_v1.sql'), 'utf8');

/** Sends a batch to `append_v1` in one round trip. Throwing means that nothing was recorded, or that nobody knows. */
export async function appendBatch(
  client: ClientBase,
  batch: readonly CheckedAppend[],
  encode: (batch: readonly CheckedAppend[]) => QueryConfig = asBinaryArrays,
): Promise<readonly AppendOutcome[]> {
  const { rows } = await client.query<WriteRow>(encode(batch));
  const byAppend = batch.map((): WriteRow[] => []);
  for (const row of rows) byAppend[row.append - 1]!.push(row);
  return batch.map((append, a) => outcomeOf(append, byAppend[a]!));
}

/** The log after a position, of all types or some. One statement, so that events and head are of one snapshot. */
export async function readPage(
  client: ClientBase,
  after: number,
  types?: readonly string[],
  pageSize = 500,
): Promise<LogPage> {
  const { rows } = await client.query<EventRow>({
    name: 'read_page',
    text: READ_PAGE,
    values: [after, types ?? null, pageSize],
  });
  const found = rows.filter((row) => row.id !== null);
  const events = found.map(({ head: _head, position, version, ...rest }) => ({
    ...rest,
    position: Number(position),
    version: Number(version),
  }));
  const full = events.length === pageSize;
  return { events, through: full ? events.at(-1)!.position : Math.max(after, Number(rows[0]!.head)) };
}

const READ_PAGE = `
  select head, e.* from (select coalesce(max(position), 0) as head from events) h left join lateral (
    select id, stream, version, position, append_index as "appendIndex", type, schema_version as "schemaVersion", data::text, metadata::text,
      recorded_at as "recordedAt"
    from events where position > $1 and position <= head and ($2::text[] is null or type = any($2))
    order by position limit $3
  ) e on true order by e.position`;

interface EventRow {
  readonly head: string;
  readonly id: string;
  readonly stream: string;
  readonly version: string;
  readonly position: string;
  readonly appendIndex: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: string;
  readonly metadata: string;
  readonly recordedAt: Date;
}

interface WriteRow {
  readonly append: number;
  readonly write: number;
  readonly outcome: 'recorded' | 'repeated' | 'conflict' | 'reused';
  readonly last_version: string;
  readonly last_position: string;
  readonly recorded: Date;
  readonly event_id: string;
}

function outcomeOf(append: CheckedAppend, rows: readonly WriteRow[]): AppendOutcome {
  const last = rows.at(-1)!;
  const { stream, expected } = append.writes[last.write - 1]!;
  if (last.outcome === 'conflict')
    return { error: new VersionConflict(stream, expected, Number(last.last_version)) };
  if (last.outcome === 'reused') return { error: new EventIdReused(last.event_id, stream) };
  const writes = rows.map((row, w) => ({
    stream: append.writes[w]!.stream,
    version: Number(row.last_version),
    position: Number(row.last_position),
  }));
  const position = Number(last.last_position);
  return {
    result: {
      appendId: append.appendId,
      position,
      recordedAt: last.recorded,
      repeated: last.outcome === 'repeated',
      writes,
    },
  };
}

/** The parameters of `append_v1`, in its order. */
function columns(batch: readonly CheckedAppend[]) {
  const writes = batch.flatMap((append) => append.writes);
  const events = writes.flatMap((write) => write.events);
  const places = new Map<string, number>();
  for (const { stream } of writes) if (!places.has(stream)) places.set(stream, places.size + 1);
  return {
    appendWrites: batch.map((append) => append.writes.length),
    writeStream: writes.map((write) => places.get(write.stream)!),
    writeExpected: writes.map(expectedNumber),
    writeEvents: writes.map((write) => write.events.length),
    streams: [...places.keys()],
    events,
  };
}

function expectedNumber({ expected }: CheckedWrite): number {
  if (expected === 'exists') return -1;
  return expected === 'any' ? -2 : expected;
}

const EVENT_TEXTS: readonly ((event: CheckedEvent) => string | undefined)[] = [
  (event) => event.correlationId,
  (event) => event.causationId,
  (event) => event.data,
  (event) => event.metadata,
];

/** Array parameters in the driver's own text form. */
export function asArrays(batch: readonly CheckedAppend[]): QueryConfig {
  const { appendWrites, writeStream, writeExpected, writeEvents, streams, events } = columns(batch);
  const ids = events.map((event) => event.id);
  const types = events.map((event) => event.type);
  const schemas = events.map((event) => event.schemaVersion);
  const texts = EVENT_TEXTS.map((of) => events.map((event) => of(event) ?? null));
  const values = [
    appendWrites,
    writeStream,
    writeExpected,
    writeEvents,
    streams,
    ids,
    types,
    schemas,
    ...texts,
  ];
  return {
    name: 'append_v1',
    text: 'select * from append_v1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)',
    values,
  };
}

/** Array parameters in PostgreSQL's binary form: nothing is escaped, nothing is scanned for quotes. */
export function asBinaryArrays(batch: readonly CheckedAppend[]): QueryConfig {
  const { appendWrites, writeStream, writeExpected, writeEvents, streams, events } = columns(batch);
  const ids = events.map((event) => event.id);
  const types = events.map((event) => event.type);
  const schemas = events.map((event) => event.schemaVersion);
  const [correlations, causations, datas, metadatas] = EVENT_TEXTS.map((of) =>
    events.map((event) => of(event)),
  );
  const values = [
    intArray(appendWrites),
    intArray(writeStream),
    bigintArray(writeExpected),
    intArray(writeEvents),
    textArray(streams),
    textArray(ids),
    textArray(types),
    intArray(schemas),
    textArray(correlations!),
    textArray(causations!),
    textArray(datas!, JSON_OID),
    textArray(metadatas!, JSON_OID),
  ];
  return {
    name: 'append_v1_binary',
    text: 'select * from append_v1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)',
    values,
  };
}

/** One JSON parameter; data and metadata travel as JSON strings, because embedded JSON would not keep a bare string's text. */
export function asJson(batch: readonly CheckedAppend[]): QueryConfig {
  const { appendWrites, writeStream, writeExpected, writeEvents, streams, events } = columns(batch);
  const rows = events.map(({ id, type, schemaVersion, correlationId, causationId, data, metadata }) => ({
    id,
    type,
    v: schemaVersion,
    correlation: correlationId,
    causation: causationId,
    data,
    metadata,
  }));
  const values = [appendWrites, writeStream, writeExpected, writeEvents, streams, JSON.stringify(rows)];
  return { name: 'append_v1_json', text: APPEND_JSON, values };
}

const APPEND_JSON = `
  select r.* from (
    select array_agg(id) as ids, array_agg(type) as types, array_agg(v) as schemas, array_agg(correlation) as correlations,
      array_agg(causation) as causations, array_agg(data::json) as datas, array_agg(metadata::json) as metadatas
    from json_to_recordset($6) as x(id text, type text, v int, correlation text, causation text, data text, metadata text)
  ) e, append_v1($1,$2,$3,$4,$5, ids, types, schemas, correlations, causations, datas, metadatas) r`;

const [INT_OID, BIGINT_OID, TEXT_OID, JSON_OID] = [23, 20, 25, 114];
const HEADER = 20;

/** Dimensions, has-nulls, element type, length, lower bound; then each element with its length, -1 for null. */
function header(buffer: Buffer, oid: number, length: number, nulls = false): void {
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(nulls ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
}

function intArray(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + 8 * values.length);
  header(buffer, INT_OID, values.length);
  values.forEach((value, i) => {
    buffer.writeInt32BE(4, HEADER + 8 * i);
    buffer.writeInt32BE(value, HEADER + 8 * i + 4);
  });
  return buffer;
}

function bigintArray(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + 12 * values.length);
  header(buffer, BIGINT_OID, values.length);
  values.forEach((value, i) => {
    buffer.writeInt32BE(8, HEADER + 12 * i);
    buffer.writeBigInt64BE(BigInt(value), HEADER + 12 * i + 4);
  });
  return buffer;
}

function textArray(values: readonly (string | undefined)[], oid = TEXT_OID): Buffer {
  const bytes = values.reduce(
    (sum, value) => sum + 4 + (value === undefined ? 0 : Buffer.byteLength(value)),
    HEADER,
  );
  const buffer = Buffer.allocUnsafe(bytes);
  header(buffer, oid, values.length, true);
  let at = HEADER;
  for (const value of values) {
    const length = value === undefined ? -1 : buffer.write(value, at + 4);
    buffer.writeInt32BE(length, at);
    at += 4 + Math.max(0, length);
  }
  return buffer;
}
