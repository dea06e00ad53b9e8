import { InvalidOption, LIMITS } from '@backstory/core/store';

/** @throws InvalidOption for what no event can have for its data */
export function requireJson(data: string): void {
  const problem = 'must be the data of the event as JSON: an object of at most 1,048,576 bytes.';
  try {
    const read: unknown = JSON.parse(data);
    if (
      typeof read === 'object' &&
      read !== null &&
      !Array.isArray(read) &&
      Buffer.byteLength(data) <= LIMITS.event
    )
      return;
  } catch {
    // Said below.
  }
  throw new InvalidOption('data', problem);
}
