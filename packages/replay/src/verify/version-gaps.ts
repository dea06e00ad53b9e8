import type { EventStore } from '@backstory/core';
import type { Findings } from './finding.js';

/**
 * Names each stream whose versions are not 1, 2, 3 … Each stream is read only where the sum of their last versions is not the number of
 * events: without a gap they are equal, and to know that takes no memory.
 */
export async function findGaps(
  store: EventStore,
  counted: { readonly events: number; readonly head: number },
  findings: Findings,
): Promise<number> {
  let [streams, versions] = [0, 0];
  for await (const { version } of headsOf(store, counted.head)) {
    streams++;
    versions += version;
  }
  if (versions === counted.events) return streams;
  for await (const { stream } of headsOf(store, counted.head))
    await gapsIn(store, stream, { ...counted, findings });
  return streams;
}

/** Each stream with its last version at a position. */
async function* headsOf(
  store: EventStore,
  head: number,
): AsyncGenerator<{ readonly stream: string; readonly version: number }, void> {
  for await (const page of store.listStreams({ includeSystem: true }))
    for (const { stream, version, position } of page) {
      if (position <= head) {
        yield { stream, version };
        continue;
      }
      const slice = { upToPosition: head, backwards: true, limit: 1 };
      for await (const { events } of store.readStream(stream, slice))
        if (events[0]) yield { stream, version: events[0].version };
    }
}

async function gapsIn(
  store: EventStore,
  stream: string,
  { head, findings }: { readonly head: number; readonly findings: Findings },
): Promise<void> {
  let last = 0;
  for await (const { events } of store.readStream(stream, { upToPosition: head }))
    for (const { version, position, id } of events) {
      if (version !== last + 1)
        findings.add(
          'version-gap',
          {
            subject: stream,
            what: `version ${version} follows version ${last}`,
            todo: 'Events were taken out of the log, which no store does: restore them from a copy. "backstory audit verify" names them where they were sealed.',
          },
          { stream, version, position, id },
        );
      last = version;
    }
}
