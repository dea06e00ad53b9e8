import { recordOf, type AggregateModel } from '@backstory/aggregate';
import type { StoredEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import { restoreProblem } from './same-state.js';
import { witnessOf, writeSnapshot } from './snapshot.js';

/** A snapshot in its stored form, or why there can be none. */
export type Taken = { readonly text: string } | { readonly refused: string };

/**
 * Takes a snapshot of an instance that nobody but the fold has touched, `last` being the event folded last. There is one
 * only where it restores the identical instance.
 */
export function takeSnapshot<A extends object>(
  model: AggregateModel<A>,
  aggregate: A,
  last: StoredEvent,
): Taken {
  try {
    const state = JSON.stringify(model.state(aggregate));
    const restored = model.restore(recordOf(aggregate).id, JSON.parse(state) as Json, last);
    const refused = restoreProblem(model, aggregate, restored);
    if (refused !== undefined) return { refused };
    return { text: writeSnapshot({ stream: last.stream, shape: model.shape, last: witnessOf(last) }, state) };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}
