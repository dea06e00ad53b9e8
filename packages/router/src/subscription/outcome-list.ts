import type { EventStore, StateStore, StoredEvent } from '@backstory/core';
import { shown } from '@backstory/core/state';
import { InvalidOption, knownOptions, type OptionNames } from '@backstory/core/store';
import { collectionsOf } from './collections.js';
import { listControls } from './control.js';
import { findEvent } from './find-event.js';
import { requireListed } from './list-query.js';
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

/** @throws InvalidOption */
export function checkedOutcomeQuery(given: OutcomeQuery): OutcomeQuery {
  const query = knownOptions(given, NAMES);
  const { after } = query;
  requireListed(query, STATES);
  if (after !== undefined && !isPlace(after))
    throw new InvalidOption('after', `must be an outcome that was listed, not ${shown(after)}.`);
  return query;
}

function isPlace(after: unknown): boolean {
  const { position, handler } = (after ?? {}) as Partial<Outcome>;
  return Number.isSafeInteger(position) && typeof handler === 'string';
}

const NAMES: OptionNames<OutcomeQuery> = { event: true, states: true, after: true, limit: true };
const STATES: readonly Outcome['state'][] = ['handled', 'retrying', 'dead', 'skipped', 'discarded'];

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

/** An outcome, and of which subscription it is. */
export interface SubscriptionOutcome extends Outcome {
  readonly subscription: string;
}

/** What is kept of these events, of every subscription: by event, then by the names of subscription and handler. */
export function outcomesOfEvents(
  state: StateStore,
  events: readonly Pick<StoredEvent, 'position' | 'type'>[],
): Promise<readonly SubscriptionOutcome[]> {
  const given: unknown = events;
  if (!Array.isArray(given))
    throw new InvalidOption('events', `must be a list of events, not ${shown(events)}.`);
  return state.read(async (view) => {
    const subscriptions = [...(await listControls(view))];
    const found: SubscriptionOutcome[] = [];
    for (const { position, type } of events) {
      for (const [subscription, { types }] of subscriptions) {
        if (!types.includes(type)) continue;
        const rows = await view.list(collectionsOf(subscription).outcomes, { prefix: outcomesOf(position) });
        found.push(...rows.map(({ value }) => ({ ...readOutcome(value), subscription })));
      }
    }
    return found;
  });
}
