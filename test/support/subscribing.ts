import { Recorder, type OpenStorage, type RecordedEvent, type Storage } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import {
  Subscriptions,
  reaction,
  subscriber,
  type Delivery,
  type SubscriptionOptions,
  type SubscriptionsParts,
} from '@backstory/router';
import { Deposited, Withdrawn } from './bank-events.js';
import type { TestStorage } from './each-storage.js';

/** A lease that runs out is a takeover, and what was under way is handled again: longer than a busy machine stalls. */
const LEASE_MS = 3_000;

/** What runs subscriptions as a process would: with its own connection. Stopped after the test. */
export function processes(stores: TestStorage, leaseMs = LEASE_MS) {
  const running: Subscriptions[] = [];
  afterEach(async () => {
    await Promise.allSettled(running.splice(0).map((it) => it.close()));
  });
  return async (storage: Storage, observer?: Observer) => {
    const opened: OpenStorage = await stores.opened(storage);
    const { events, state } = opened;
    const subscriptions = subscriptionsOn(opened, { leaseMs, ...(observer && { observer }) });
    running.push(subscriptions);
    return { events, state, subscriptions };
  };
}

/** What a process that uses this storage runs; whoever starts it closes it. */
export function subscriptionsOn(
  storage: Pick<OpenStorage, 'events' | 'state'>,
  more: Partial<SubscriptionsParts> = {},
): Subscriptions {
  const { events, state } = storage;
  return new Subscriptions({ events, state, recorder: new Recorder(events, { source: 'test' }), ...more });
}

/** A subscriber that gives every event to one function. */
export function watching(
  name: string,
  handle: (event: Deposited | Withdrawn, recorded: RecordedEvent<object>, delivery: Delivery) => unknown,
  options: SubscriptionOptions = {},
) {
  return subscriber({
    name,
    on: [reaction(Deposited, handle, { name: 'watch' }), reaction(Withdrawn, handle, { name: 'watch' })],
    checkpointMs: 50,
    retry: { attempts: 3, delayMs: 20 },
    ...options,
  });
}

/** `account-1 v2`, to be told apart at a glance. */
export function place({ stream, version }: RecordedEvent): string {
  return `${stream} v${version}`;
}
