import { encodeInstance, type Class, type Json } from '@backstory/events';
import { encodeValue, objectOf, readFields } from '@backstory/events/codec';
import type { FunctionalProjection } from './functional-projection.js';

/** How documents begin and are stored. */
export interface DocumentForm {
  begin(): unknown;
  /** JSON text. @throws UnstorableValue naming the path */
  write(document: unknown): string;
  /** A new document from its text. */
  read(text: string): unknown;
}

/** Documents that are instances of a class. Its constructor runs when one begins, not when it is read. */
export function instanceForm(cls: Class, name: string): DocumentForm {
  return {
    begin: () => new cls(...([] as never[])),
    write: (document) => JSON.stringify(encodeInstance(document as object, name)),
    read: (text) => readFields(cls, JSON.parse(text) as Record<string, Json>, name),
  };
}

/** Documents that are plain values, of which `fields` declares what JSON does not know. */
export function valueForm({ name, initial, fields }: FunctionalProjection): DocumentForm {
  const type = fields && objectOf(fields);
  const first = typeof initial === 'function' ? (initial as () => unknown)() : initial;
  const write = (document: unknown) => JSON.stringify(encodeValue(document, name, type));
  const read = (text: string): unknown => {
    const json = JSON.parse(text) as Json;
    return type && json !== null ? type.decode(json, name) : json;
  };
  const begun = JSON.stringify(encodeValue(first, `\`initial\` of ${name}`, type));
  return { write, read, begin: () => read(begun) };
}
