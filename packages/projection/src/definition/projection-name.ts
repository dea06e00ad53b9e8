import { LIMITS, isName } from '@backstory/core/store';
import { InvalidDefinition } from '@backstory/events';

/** @throws InvalidDefinition for what can name no projection */
export function checkProjectionName(subject: string, name: unknown): asserts name is string {
  // Leases and collections are called after it, and a slash ends it there.
  if (isName(name, LIMITS.type) && !name.includes('/')) return;
  throw new InvalidDefinition(
    subject,
    `needs a name of 1 to ${LIMITS.type} bytes without "/" or control characters, e.g. @Projection('balances', { version: 1 }).`,
  );
}
