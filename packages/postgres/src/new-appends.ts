import type { AppendResult } from '@backstory/core';
import type {
  AppendOutcome,
  CheckedAppend,
  CheckedEvent,
  CheckedWrite,
  Committed,
} from '@backstory/core/store';
import { expectedNumber } from './append-batch.js';
import { bigintArray, intArray, jsonArray, textArray } from './binary-arrays.js';
import type { Statement } from './session.js';

/** A batch of appends that are taken for new ones, at versions that hold. */
export interface NewAppends {
  readonly statement: Statement;
  /** What became of each, by what the statement answered. Undefined: a version does not hold, and nothing was done. */
  outcomes(rows: readonly NewAppendsRow[]): Committed | undefined;
}

/** An array of numbers as PostgreSQL writes it, or null. */
export type NewAppendsRow = readonly [answer: string | null];

/** Undefined where the batch writes to a stream twice. @param schema quoted */
export function newAppends(schema: string, batch: readonly CheckedAppend[]): NewAppends | undefined {
  const [{ writes, eventCount }] = batch as [CheckedAppend];
  if (batch.length === 1 && eventCount === 1) return oneEvent(schema, batch[0]!, writes[0]!);
  const streams = new Set<string>();
  let count = 0;
  for (const append of batch)
    for (const { stream } of append.writes) {
      streams.add(stream);
      count++;
    }
  return streams.size === count ? severalEvents(schema, batch) : undefined;
}

function oneEvent(schema: string, append: CheckedAppend, write: CheckedWrite): NewAppends {
  const { stream, events } = write;
  const { id, type, schemaVersion, correlationId, causationId = null, data, metadata } = events[0]!;
  return {
    statement: {
      text: `select ${schema}.append_one_v1($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
      values: [
        stream,
        expectedNumber(write),
        id,
        type,
        schemaVersion,
        correlationId,
        causationId,
        data,
        metadata,
      ],
    },
    outcomes([[answer] = [null]]) {
      if (answer === null) return undefined;
      const [position, version, ms, lockWaitMs] = numbers(answer) as [number, number, number, number];
      const writes = [{ stream, version, position }];
      const result = {
        appendId: append.appendId,
        position,
        recordedAt: new Date(ms),
        repeated: false,
        writes,
      };
      return { outcomes: [{ result }], lockWaitMs };
    },
  };
}

/** No two of the appends are to one stream. @param schema quoted */
export function severalEvents(schema: string, batch: readonly CheckedAppend[]): NewAppends {
  return {
    statement: {
      text: `select ${schema}.append_new_v1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
      values: parameters(batch),
    },
    outcomes([[answer] = [null]]) {
      if (answer === null) return undefined;
      const [head, ms, lockWaitMs, ...versions] = numbers(answer) as [number, number, number];
      return { outcomes: resultsFrom(batch, { head, versions, recordedAt: ms }), lockWaitMs };
    },
  };
}

/** In the order of the function's parameters. */
function parameters(batch: readonly CheckedAppend[]): Buffer[] {
  const writes: CheckedWrite[] = [];
  const events: CheckedEvent[] = [];
  const [streams, places, indexes]: number[][] = [[], [], []];
  for (const append of batch) {
    const first = events.length;
    for (const write of append.writes) {
      writes.push(write);
      for (let place = 1; place <= write.events.length; place++) {
        streams!.push(writes.length);
        places!.push(place);
        indexes!.push(events.length - first);
        events.push(write.events[place - 1]!);
      }
    }
  }
  return [
    textArray(writes.map((write) => write.stream)),
    bigintArray(writes.map(expectedNumber)),
    ...[streams!, places!, indexes!].map(intArray),
    textArray(events.map((event) => event.id)),
    textArray(events.map((event) => event.type)),
    intArray(events.map((event) => event.schemaVersion)),
    textArray(events.map((event) => event.correlationId)),
    textArray(events.map((event) => event.causationId)),
    jsonArray(events.map((event) => event.data)),
    jsonArray(events.map((event) => event.metadata)),
  ];
}

/** Positions follow the head in order, versions those before them. */
function resultsFrom(
  batch: readonly CheckedAppend[],
  {
    head,
    versions,
    recordedAt,
  }: { readonly head: number; readonly versions: readonly number[]; readonly recordedAt: number },
): AppendOutcome[] {
  let position = head;
  let w = 0;
  return batch.map(({ appendId, writes }) => {
    const recorded = writes.map(({ stream, events }): AppendResult['writes'][number] => {
      position += events.length;
      return { stream, version: versions[w++]! + events.length, position };
    });
    const result = {
      appendId,
      position,
      repeated: false,
      writes: recorded,
      recordedAt: new Date(recordedAt),
    };
    return { result };
  });
}

function numbers(array: string): number[] {
  return array.slice(1, -1).split(',').map(Number);
}
