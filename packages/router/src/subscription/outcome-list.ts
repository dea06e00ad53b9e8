import type { EventStore, StateStore } from '@backstory/core';
import { collectionsOf } from './collections.js';
import { findEvent } from './find-event.js';
import { outcomeAt, outcomesOf, readOutcome, type Outcome } from './outcome.js';

/** Which outcomes to list. */
export interface OutcomeQuery {
  /** Only those of the event with this id. */
  readonly event?: string;
  readonly states?: readonly Outcome['state'][];
  /** Outcomes that follow this one in the order in which they are listed. */
  readonly after?: Outcome;
  /** Default 1,000. */
  readonly limit?: number;
}

/** The outcomes of a subscription, the latest event first. @throws EventNotFound */
export async function listOutcomes(
  stores: { readonly events: EventStore; readonly state: StateStore },
  name: string,
  { event, states, after, limit = 1_000 }: OutcomeQuery,
): Promise<readonly Outcome[]> {
  const prefix = event === undefined ? '' : outcomesOf((await findEvent(stores.events, event)).position);
  const { outcomes } = collectionsOf(name);
  const found: Outcome[] = [];
  let upTo = after && outcomeAt(after);
  while (found.length < limit) {
    const bounds = { prefix, backwards: true, limit: PAGE + 1, ...(upTo !== undefined && { upTo }) };
    const rows = await stores.state.read((view) => view.list(outcomes, bounds));
    const later = rows.filter(({ key }) => key !== upTo);
    found.push(
      ...later
        .map(({ value }) => readOutcome(value))
        .filter(({ state }) => !states || states.includes(state)),
    );
    if (rows.length <= PAGE) break;
    upTo = rows.at(-1)!.key;
  }
  return found.slice(0, limit);
}

const PAGE = 1_000;
