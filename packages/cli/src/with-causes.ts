import type { EventStore, RecordedEvent } from '@backstory/core';
import { causesOf } from '@backstory/replay';

/** What caused an event, where it is in the log. */
export type Cause = Pick<RecordedEvent, 'id' | 'type' | 'stream' | 'version' | 'position'>;

/** Each with what caused its event; some are looked up at a time. */
export async function* withCauses<T extends { readonly event: RecordedEvent | null }>(
  store: EventStore,
  items: AsyncIterable<T>,
): AsyncGenerator<T & { readonly cause: Cause | null }, void> {
  let waiting: T[] = [];
  for await (const item of items) {
    waiting.push(item);
    if (waiting.length < AT_ONCE) continue;
    yield* await lookUp(store, waiting);
    waiting = [];
  }
  yield* await lookUp(store, waiting);
}

const AT_ONCE = 100;

async function lookUp<T extends { readonly event: RecordedEvent | null }>(
  store: EventStore,
  items: readonly T[],
): Promise<readonly (T & { readonly cause: Cause | null })[]> {
  const causes = await causesOf(
    store,
    items.flatMap(({ event }) => event ?? []),
  );
  return items.map((item) => {
    const found = causes.get(item.event?.metadata.causationId ?? '');
    if (!found) return { ...item, cause: null };
    const { id, type, stream, version, position } = found;
    return { ...item, cause: { id, type, stream, version, position } };
  });
}
