import type { StoredEvent } from '@backstory/core';
import { Findings, placeOf, type Health } from '@backstory/replay/verify';
import { subscriptionsOf, type OpenStores } from './open.js';
import { subscriptionFault } from './subscription-fault.js';

interface Looking {
  /** Only events after this position are accounted for. */
  readonly after: number;
  readonly signal: AbortSignal | undefined;
}

/** What is wrong with subscriptions, and what could not be looked at. */
export async function subscriptionHealth(
  { events, state }: OpenStores,
  looking: Looking,
): Promise<Pick<Health, 'findings' | 'notChecked'>> {
  const findings = new Findings();
  const notChecked: Health['notChecked'][number][] = [];
  const subscriptions = subscriptionsOf({ events, state, name: 'backstory' });
  for (const status of await subscriptions.list()) {
    const { name } = status;
    const fault = subscriptionFault(status);
    if (fault) findings.add('subscription', { subject: name, ...fault });
    const onMissing = (event: StoredEvent) => findings.add('no-outcome', unaccounted(name), placeOf(event));
    const { why } = await subscriptions.accountFor(name, { ...looking, onMissing });
    if (why !== undefined) notChecked.push({ check: `whether ${name} has passed events by`, why });
  }
  return { findings: findings.all(), notChecked };
}

function unaccounted(name: string) {
  return {
    subject: name,
    what: 'it has passed an event and kept no outcome of it: nobody knows whether it was handled',
    todo: `"backstory subscriptions replay ${name} --event <id>" has it handled again.`,
  };
}
