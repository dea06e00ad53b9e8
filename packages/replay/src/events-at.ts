import { readRecorded, type EventStore, type RecordedEvent } from '@backstory/core';

/** The events of some versions of a stream: a few looked up, many read on the way. */
export async function eventsAt(
  store: EventStore,
  stream: string,
  versions: ReadonlySet<number>,
): Promise<ReadonlyMap<number, RecordedEvent>> {
  const found = new Map<number, RecordedEvent>();
  const wanted = [...versions].filter((it) => it > 0).sort((a, b) => a - b);
  const slices =
    wanted.length <= A_FEW
      ? wanted.map((version) => ({ after: version - 1, upTo: version }))
      : [{ after: wanted[0]! - 1, upTo: wanted.at(-1)! }];
  for (const slice of slices)
    for await (const { events } of store.readStream(stream, slice))
      for (const event of events)
        if (versions.has(event.version)) found.set(event.version, readRecorded(event));
  return found;
}

const A_FEW = 32;
