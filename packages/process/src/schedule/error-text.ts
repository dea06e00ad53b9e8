import { messageOf, storable } from '@backstory/core/state';

/** What an error says, as it is kept with a schedule. Never throws. */
export function errorText(error: unknown): string {
  return storable(messageOf(error), 1_000);
}
