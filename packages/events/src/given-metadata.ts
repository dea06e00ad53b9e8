import { types } from 'node:util';
import type { EventMetadata } from '@backstory/core';
import { InvalidOption } from '@backstory/core/store';
import { UnstorableValue } from './errors.js';
import { instant } from './field-types.js';
import { encodeValue } from './instance-codec.js';
import type { Json, JsonObject } from './json.js';

/** What may be said of an event beside what the ambient context says. Own keys hold JSON. */
// Not Omit: with the index signature it would forget the names and types of all keys.
export type GivenMetadata = {
  readonly [Key in keyof EventMetadata as Key extends 'occurredAt' ? never : Key]?: EventMetadata[Key];
} & {
  /** When it happened, as a Date or as ISO 8601 text with its time zone. Default: now. */
  readonly occurredAt?: Date | string;
};

/**
 * Metadata as it will be read back. `subject` begins the paths in messages; `at` is said instead of the metadata's own time.
 *
 * @throws InvalidOption, UnstorableValue
 */
export function checkMetadata(given: GivenMetadata, subject: string, at?: Date): Partial<EventMetadata> {
  if (typeof given !== 'object' || given === null)
    throw new InvalidOption('metadata', `must be an object, not ${String(given)}.`);
  const { occurredAt = new Date(), ...own } = given;
  const known = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const stored = encodeValue(known, `${subject}.metadata`) as JsonObject;
  return { ...stored, occurredAt: timeOf(at ?? occurredAt, `${subject}.metadata.occurredAt`) };
}

function timeOf(given: unknown, path: string): string {
  try {
    const text = types.isDate(given) ? given.toISOString() : given;
    return instant.decode(text as Json, path).toISOString();
  } catch (cause) {
    throw new UnstorableValue(path, 'not a valid time', 'give a Date or ISO 8601 text with its time zone', {
      cause,
    });
  }
}
