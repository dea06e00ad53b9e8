import type { EventStore, RecordedEvent } from '@backstory/core';
import { causesOf } from './causes.js';

/** What led to an event, from cause to cause. */
export interface CauseChain {
  /** The event that caused it, the one that caused that, and so on to the root. */
  readonly causes: readonly RecordedEvent[];
  /** The id of a cause that is not in this log. */
  readonly missing?: string;
  /** There are more. */
  readonly isCut?: true;
}

const LONGEST = 1_000;

/** Follows causation from an event to the first event of its flow, across streams. */
export async function causeChain(
  store: EventStore,
  event: RecordedEvent,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<CauseChain> {
  const causes: RecordedEvent[] = [];
  for (let it = event; it.metadata.causationId !== undefined;) {
    signal?.throwIfAborted();
    const id = it.metadata.causationId;
    const cause = (await causesOf(store, [it])).get(id);
    if (!cause) return { causes, missing: id };
    // A cause comes before what it caused; what does not is no cause.
    if (cause.position >= it.position) return { causes };
    if (causes.length === LONGEST) return { causes, isCut: true };
    causes.push(cause);
    it = cause;
  }
  return { causes };
}
