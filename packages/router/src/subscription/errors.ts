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

/** Another process runs the subscription with code that handles events which this code does not: it would pass over them. */
export class OlderCode extends BackstoryError {
  readonly code = 'BACKSTORY_OLDER_CODE';
  constructor(
    readonly subscription: string,
    readonly types: readonly string[],
  ) {
    super(
      `Another process runs subscription ${subscription} with code that handles ${types.join(', ')}, which this code does not: ` +
        'this process goes on when no such process is there any more.',
    );
  }
}

/** What a handler does `once` held the only writer of the state store for too long: leases could not be renewed meanwhile. It was rolled back. */
export class OnceTimedOut extends BackstoryError {
  readonly code = 'BACKSTORY_ONCE_TIMED_OUT';
  constructor(readonly heldMs: number) {
    super(
      `What is done once was still at work after ${heldMs} ms, in which nobody else could write and leases could not be renewed: ` +
        'call others and wait before or after once, and only write in it.',
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

/** Something that was waited for was not handled, and why. */
export class NotHandled extends BackstoryError {
  readonly code = 'BACKSTORY_NOT_HANDLED';
  /** @param what the id of an event, or the position up to which everything was to be handled */
  constructor(
    readonly subscription: string,
    readonly what: string | number,
    readonly reason: NotHandledReason,
    readonly detail: string,
  ) {
    const which = typeof what === 'number' ? `everything up to position ${what}` : `event ${what}`;
    super(`Subscription ${subscription} has not handled ${which}: ${NOT_HANDLED[reason](detail)}`);
  }
}

/**
 * | reason | |
 * |---|---|
 * | `parked` | it failed for good, or waits behind an event that did |
 * | `skipped`, `discarded` | somebody decided to leave it out |
 * | `paused`, `faulted` | nobody handles anything just now |
 * | `key-unknown` | whether it waits behind another event cannot be told here |
 * | `time-out` | it was waited for long enough |
 */
export type NotHandledReason =
  'parked' | 'skipped' | 'discarded' | 'paused' | 'faulted' | 'key-unknown' | 'time-out';

const NOT_HANDLED: Readonly<Record<NotHandledReason, (detail: string) => string>> = {
  parked: (detail) => `${detail}. Repair what is wrong, then retry, edit, skip or discard it.`,
  skipped: (detail) => `it was skipped ${detail}.`,
  discarded: (detail) => `it was discarded ${detail}.`,
  paused: (detail) => `it is paused ${detail}. Resume it, and wait again.`,
  faulted: (detail) => `no process can run it: ${detail}`,
  'key-unknown': (detail) =>
    `its keys are made by a function that this process does not have. Ask where it runs, or wait for a position: ${detail}.`,
  'time-out': (detail) => `the time is over, and ${detail}. Wait again, or look at its status.`,
};

/** This process takes no more subscribers: its application is being closed. Nothing was begun. */
export class SubscriptionsClosed extends BackstoryError {
  readonly code = 'BACKSTORY_SUBSCRIPTIONS_CLOSED';
  constructor(readonly subscription: string) {
    super(`Subscriber ${subscription} is not started: the application is closed. Add it before that.`);
  }
}

/** Two subscribers of one application have one name, and would share one checkpoint. */
export class SubscriptionExists extends BackstoryError {
  readonly code = 'BACKSTORY_SUBSCRIPTION_EXISTS';
  constructor(readonly subscription: string) {
    super(`There is a subscriber ${subscription} already: give this one a name of its own.`);
  }
}
