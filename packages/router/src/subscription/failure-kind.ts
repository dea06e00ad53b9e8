import { isInfrastructure, messageOf, shown } from '@backstory/core/state';
import { parkedError, type FailureKind } from './parked-key.js';
import type { SubscriptionOptions } from './subscription-options.js';

/** An error, and what it means. */
export interface Judged {
  readonly kind: FailureKind;
  readonly error: unknown;
}

/** What an error means. Where `classify` throws or says something else, the event is to blame and both errors are told. */
export function judged(classify: NonNullable<SubscriptionOptions['classify']>, error: unknown): Judged {
  try {
    const said: unknown = classify(error) ?? (isInfrastructure(error) ? 'infrastructure' : 'poison');
    if (said === 'poison' || said === 'infrastructure') return { kind: said, error };
    // Of one that is asynchronous nobody waits for the failure.
    if (said instanceof Promise) said.catch(() => undefined);
    throw new TypeError(`it gave ${shown(said)} in place of 'poison', 'infrastructure' or undefined`);
  } catch (wrong) {
    const { message, stack } = parkedError(error);
    const both = new AggregateError([error, wrong], `${message}; and classify failed: ${messageOf(wrong)}`);
    return { kind: 'poison', error: Object.assign(both, stack !== undefined && { stack }) };
  }
}
