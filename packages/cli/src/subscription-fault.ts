import type { SubscriptionStatus } from '@backstory/router';

/** What is wrong with a subscription, and what to do about it. */
export interface SubscriptionFault {
  readonly what: string;
  readonly todo: string;
}

/** The gravest thing that is wrong with a subscription, where anything is. */
export function subscriptionFault({
  name,
  state,
  reason,
  position,
  head,
  parked,
}: Pick<SubscriptionStatus, 'name' | 'state' | 'reason' | 'position' | 'head' | 'parked'>):
  SubscriptionFault | undefined {
  if (position > head)
    return {
      what: `its checkpoint is at position ${position}, and the log ends at ${head}`,
      todo: `The log was restored or has lost events: "backstory store adopt", then "backstory subscriptions reset ${name} --to <position>".`,
    };
  if (state === 'faulted')
    return {
      what: `no process can run it: ${reason ?? 'the reason is not known'}`,
      todo: `When that is put right: "backstory subscriptions resume ${name}".`,
    };
  if (parked.dead === 0) return undefined;
  return {
    what: `${parked.dead} ${parked.dead === 1 ? 'key is' : 'keys are'} dead, with everything that waits behind`,
    todo: `"backstory dead-letters list ${name}" says why; retry, skip or discard them.`,
  };
}
