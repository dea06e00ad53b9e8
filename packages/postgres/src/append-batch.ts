import { EventIdReused, VersionConflict } from '@backstory/core';
import type { AppendOutcome, CheckedAppend, CheckedWrite } from '@backstory/core/store';
import { bigintArray, intArray, jsonArray, textArray } from './binary-arrays.js';
import type { Statement } from './session.js';

/** Calls `append_v1` with a batch. @param schema quoted */
export function appendStatement(schema: string, batch: readonly CheckedAppend[]): Statement {
  return {
    text: `select append, write, outcome, last_version, last_position, (extract(epoch from recorded) * 1000)::bigint, event_id, waited_ms
      from ${schema}.append_v1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
    values: parameters(batch),
  };
}

/** What became of each append of the batch, by what `append_v1` answered. */
export function appendOutcomes(
  batch: readonly CheckedAppend[],
  rows: readonly AppendRow[],
): readonly AppendOutcome[] {
  const byAppend = batch.map((): AppendRow[] => []);
  for (const row of rows) byAppend[Number(row[0]) - 1]!.push(row);
  return batch.map((append, a) => outcomeOf(append, byAppend[a]!));
}

/** Numbers are texts: nothing is parsed by the driver. */
export type AppendRow = [
  append: string,
  write: string,
  outcome: 'recorded' | 'repeated' | 'conflict' | 'reused',
  version: string,
  position: string,
  recordedAt: string,
  eventId: string,
  waitedMs: string,
];

/** How long the batch waited for other writers, by what `append_v1` answered. */
export function lockWaitOf([row]: readonly AppendRow[]): number {
  return Number(row?.[7] ?? 0);
}

function outcomeOf(append: CheckedAppend, rows: readonly AppendRow[]): AppendOutcome {
  const [, write, outcome, version, position, recordedAt, eventId] = rows.at(-1)!;
  const { stream, expected } = append.writes[Number(write) - 1]!;
  if (outcome === 'conflict') return { error: new VersionConflict(stream, expected, Number(version)) };
  if (outcome === 'reused') return { error: new EventIdReused(eventId, stream) };
  const writes = rows.map((row, w) => ({
    stream: append.writes[w]!.stream,
    version: Number(row[3]),
    position: Number(row[4]),
  }));
  const repeated = outcome === 'repeated';
  const result = { appendId: append.appendId, position: Number(position), repeated, writes };
  return { result: { ...result, recordedAt: new Date(Number(recordedAt)) } };
}

/** In the order of the function's parameters. */
function parameters(batch: readonly CheckedAppend[]): Buffer[] {
  const writes = batch.flatMap((append) => append.writes);
  const events = writes.flatMap((write) => write.events);
  const places = new Map<string, number>();
  for (const { stream } of writes) if (!places.has(stream)) places.set(stream, places.size + 1);
  return [
    intArray(batch.map((append) => append.writes.length)),
    intArray(writes.map((write) => places.get(write.stream)!)),
    bigintArray(writes.map(expectedNumber)),
    intArray(writes.map((write) => write.events.length)),
    textArray([...places.keys()]),
    textArray(events.map((event) => event.id)),
    textArray(events.map((event) => event.type)),
    intArray(events.map((event) => event.schemaVersion)),
    textArray(events.map((event) => event.correlationId)),
    textArray(events.map((event) => event.causationId)),
    jsonArray(events.map((event) => event.data)),
    jsonArray(events.map((event) => event.metadata)),
  ];
}

/** As the functions take it. */
export function expectedNumber({ expected }: CheckedWrite): number {
  if (expected === 'exists') return -1;
  return expected === 'any' ? -2 : expected;
}
