import type { EventStore, StampedEvent } from '@backstory/core';
import { stamped } from './payload.js';

/** Events of one stream that belong together, and the version before them. */
export interface Batch {
  readonly stream: string;
  readonly after: number;
  readonly events: readonly StampedEvent[];
}

/** How many batches a round has, and of how many events each. They go to the streams by turns. */
export interface RoundSize {
  readonly batches: number;
  readonly batchSize: number;
  readonly streams: number;
  /** The number of the first stream. Default 0. */
  readonly firstStream?: number;
}

/** The next round of batches for streams that are at `versions`, which then are where the round leaves them. */
export function roundOf(
  { batches, batchSize, streams, firstStream = 0 }: RoundSize,
  versions: Map<string, number>,
): readonly Batch[] {
  return Array.from({ length: batches }, (_, i) => {
    const stream = `account-${firstStream + (i % streams)}`;
    const after = versions.get(stream) ?? 0;
    versions.set(stream, after + batchSize);
    return { stream, after, events: stamped(i * batchSize, batchSize) };
  });
}

/** What a round leaves in a log. */
export interface Left {
  readonly events: number;
  readonly streams: number;
  readonly gaps: number;
  readonly bytes: number;
}

/** What a round must leave. */
export function leftBy({ batches, batchSize, streams }: RoundSize): Left {
  const events = batches * batchSize;
  const bytes = stamped(0, events).reduce((sum, { data }) => sum + data.length, 0);
  return { events, streams: Math.min(streams, batches), gaps: 0, bytes };
}

export function proofOf({ events, streams, gaps, bytes }: Left): string {
  return `${events} events in ${streams} streams with ${gaps} gaps, ${bytes} bytes of data`;
}

/** Finds what a round has left, and the head: of what came after a position. */
export function leftSql(after: '?' | '$1'): string {
  return `
  SELECT coalesce(sum(n), 0), count(*), coalesce(sum(span - n), 0), coalesce(sum(bytes), 0), coalesce(max(head), 0)
  FROM (SELECT count(*) AS n, max(version) - min(version) + 1 AS span, sum(length(CAST(data AS text))) AS bytes, max(position) AS head
    FROM events WHERE position > ${after} GROUP BY stream) AS s`;
}

/** One writer: one batch after the other, each at the version it knows. */
export async function inTurn(store: Pick<EventStore, 'append'>, batches: readonly Batch[]): Promise<void> {
  for (const { stream, after, events } of batches) await store.append([{ stream, expected: after, events }]);
}

/** A writer for each stream; all at the same time. */
export async function byStream(store: Pick<EventStore, 'append'>, batches: readonly Batch[]): Promise<void> {
  const lanes = new Map<string, Batch[]>();
  for (const batch of batches) {
    const lane = lanes.get(batch.stream);
    if (lane) lane.push(batch);
    else lanes.set(batch.stream, [batch]);
  }
  await Promise.all([...lanes.values()].map((lane) => inTurn(store, lane)));
}
