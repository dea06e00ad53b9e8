import {
  readRecorded,
  type EventStore,
  type LogQuery,
  type RecordedEvent,
  type StreamHead,
} from '@backstory/core';
import type { StreamsQuery } from '@backstory/core/store';

/** Events of the log one by one, as they were recorded: no classes, no upcasting. */
export async function* events(store: EventStore, query?: LogQuery): AsyncGenerator<RecordedEvent, void> {
  for await (const page of store.readAll(query)) yield* page.events.map(readRecorded);
}

/** The streams one by one, in byte order of their names, each with its last event. */
export async function* streams(store: EventStore, query?: StreamsQuery): AsyncGenerator<StreamHead, void> {
  for await (const page of store.listStreams(query)) yield* page;
}
