import { BackstoryError } from '@backstory/core';

/** An attempt of a handler that may not go on: its process stops, or another one has taken over. */
export class DeliveryEnded extends BackstoryError {
  readonly code = 'BACKSTORY_DELIVERY_ENDED';
  constructor(
    readonly subscription: string,
    readonly handler: string,
    readonly reason: string,
  ) {
    super(
      `Handler ${handler} of subscription ${subscription} may not go on: ${reason}. The event is delivered again.`,
    );
  }
}

/** No subscription of this name was ever started here. */
export class SubscriptionNotFound extends BackstoryError {
  readonly code = 'BACKSTORY_SUBSCRIPTION_NOT_FOUND';
  constructor(
    readonly subscription: string,
    readonly known: readonly string[],
  ) {
    const those = known.length === 0 ? 'none was ever started' : `there are ${known.join(', ')}`;
    super(`There is no subscription ${subscription}: ${those}.`);
  }
}

/** Nothing of this key is parked. */
export class KeyNotParked extends BackstoryError {
  readonly code = 'BACKSTORY_KEY_NOT_PARKED';
  constructor(
    readonly subscription: string,
    readonly key: string,
  ) {
    super(`Nothing of ${key} is parked in subscription ${subscription}: it was released, or never failed.`);
  }
}

/** No event has this id. */
export class EventNotFound extends BackstoryError {
  readonly code = 'BACKSTORY_EVENT_NOT_FOUND';
  constructor(readonly id: string) {
    super(`There is no event "${id}" in this log: list the events to see their ids.`);
  }
}

/** Two subscribers of one application have one name, and would share one checkpoint. */
export class SubscriptionExists extends BackstoryError {
  readonly code = 'BACKSTORY_SUBSCRIPTION_EXISTS';
  constructor(readonly subscription: string) {
    super(`There is a subscriber ${subscription} already: give this one a name of its own.`);
  }
}
