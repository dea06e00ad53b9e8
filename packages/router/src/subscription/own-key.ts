import type { RecordedEvent } from '@backstory/core';
import { shown } from '@backstory/core/state';
import { isWellFormed } from '@backstory/core/store';
import { InvalidDefinition } from '@backstory/events';
import { isThenable } from '../thenable.js';
import type { SubscriptionOptions } from './subscription-options.js';

/** What the function gives. @throws InvalidDefinition where that is no key; what the function throws */
export function ownKey(
  subscription: string,
  key: NonNullable<SubscriptionOptions['key']>,
  recorded: RecordedEvent,
): string {
  const own: unknown = key(recorded);
  if (isKey(own)) return own;
  // However it ends: it is refused.
  if (isThenable(own)) own.then(undefined, () => undefined);
  throw new InvalidDefinition(
    subscription,
    `has a key that is none, for event ${recorded.id} (${recorded.type}): ${shown(own)}. It must give text that is not empty, of 1,000 bytes at most.`,
  );
}

/** A state store keeps it, after the name of its partition. */
export function isKey(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    !value.includes('\0') &&
    isWellFormed(value) &&
    Buffer.byteLength(value) <= 1_000
  );
}
