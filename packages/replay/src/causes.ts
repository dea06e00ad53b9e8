import { readRecorded, type EventStore, type RecordedEvent } from '@backstory/core';

/** The recorded events that caused these, by their ids. A cause that is not in the log is absent. */
export async function causesOf(
  store: EventStore,
  caused: readonly RecordedEvent[],
): Promise<ReadonlyMap<string, RecordedEvent>> {
  const causes = new Map<string, RecordedEvent>();
  const ids = caused.flatMap(({ metadata }) => metadata.causationId ?? []);
  if (ids.length === 0) return causes;
  for await (const page of store.readAll({ ids, includeSystem: true })) {
    for (const event of page.events) causes.set(event.id, readRecorded(event));
  }
  return causes;
}
