import { isSystemStream } from '@backstory/core/store';
import type { EventStore } from '@backstory/core';
import { VersionOutOfRange } from '@backstory/repository';
import { headOf } from '../stream-fold.js';

/** Which streams are captured, and up to where in the log: each from its first event. */
export interface CapturedStreams {
  readonly streams: readonly string[];
  readonly upTo: number;
}

/**
 * A stream; or of a flow all streams that it touched, up to its last event. They begin with their first events, for what a flow did
 * depends on what had been before.
 *
 * @throws StreamNotFound where it is neither, VersionOutOfRange where the stream has no such version
 */
export async function capturedStreams(
  store: EventStore,
  name: string,
  { atVersion }: { readonly atVersion?: number } = {},
): Promise<CapturedStreams> {
  const flow = await flowOf(store, name);
  if (flow.streams.length > 0 && !(await isStream(store, name))) return flow;
  const head = await headOf(store, name);
  const version = atVersion ?? head;
  if (version > head) throw new VersionOutOfRange(name, version, head);
  let upTo = 0;
  for await (const { events } of store.readStream(name, { after: version - 1, upTo: version }))
    upTo = events[0]?.position ?? upTo;
  return { streams: [name], upTo };
}

async function flowOf(store: EventStore, correlationId: string): Promise<CapturedStreams> {
  const streams = new Set<string>();
  let upTo = 0;
  for await (const { events } of store.readAll({ correlationIds: [correlationId] }))
    for (const { stream, position } of events) {
      if (!isSystemStream(stream)) streams.add(stream);
      upTo = position;
    }
  return { streams: [...streams], upTo };
}

async function isStream(store: EventStore, name: string): Promise<boolean> {
  for await (const { events } of store.readStream(name, { limit: 1 })) if (events.length > 0) return true;
  return false;
}
