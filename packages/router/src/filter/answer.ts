import { InvalidDefinition } from '@backstory/events';
import { isThenable } from '../thenable.js';

/** What a function that chooses events says of one, as `if` would take it. @throws InvalidDefinition where it says it later */
export function answered(answer: unknown, name: string): boolean {
  if (!isThenable(answer)) return Boolean(answer);
  // However it ends: it is refused.
  answer.then(undefined, () => undefined);
  throw new InvalidDefinition(
    name,
    'chooses events by a function that gives a promise: it must say at once. What has to be looked up is for the handler.',
  );
}
