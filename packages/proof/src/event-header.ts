import { isExactText } from './exact-json.js';

/** Everything that is recorded of an event but its data and metadata. */
export interface EventHeader {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly appendIndex: number;
  /** In milliseconds since 1970. */
  readonly recordedAt: number;
}

/**
 * The exact text of a header, version 1: a JSON array as RFC 8785 writes it, without blanks, strings escaped only where
 * JSON demands it. The first element is the version of this form. What is hashed is this text in UTF-8.
 */
export function writeHeader(header: EventHeader): string {
  const { position, version, schemaVersion, appendIndex, recordedAt } = header;
  const [stream, id, type] = [quoted(header.stream), quoted(header.id), quoted(header.type)];
  const time = Number.isFinite(recordedAt) ? recordedAt : null;
  // JSON.stringify of the list, in half the time: every event of a log comes by here.
  return `[1,${position},${stream},${version},${id},${type},${schemaVersion},${appendIndex},${time}]`;
}

/** Reads what {@link writeHeader} wrote, to the letter; `undefined` for anything else. */
export function readHeader(text: string): EventHeader | undefined {
  const values = arrayIn(text);
  if (values?.length !== 9 || values[0] !== 1) return undefined;
  const [, position, stream, version, id, type, schemaVersion, appendIndex, recordedAt] = values;
  const header = { position, stream, version, id, type, schemaVersion, appendIndex, recordedAt };
  return isHeader(header) && writeHeader(header) === text ? header : undefined;
}

/** Whether a value is a header, with nothing but whole numbers and exact text in it. */
export function isHeader(value: unknown): value is EventHeader {
  if (typeof value !== 'object' || value === null) return false;
  const { stream, id, type, ...rest } = value as Record<string, unknown>;
  const numbers = ['position', 'version', 'schemaVersion', 'appendIndex', 'recordedAt'];
  return [stream, id, type].every(isExactText) && numbers.every((name) => Number.isSafeInteger(rest[name]));
}

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

// eslint-disable-next-line no-control-regex -- what JSON escapes
const PLAIN = /^[^"\\\u0000-\u001f\ud800-\udfff]*$/;

function arrayIn(text: string): readonly unknown[] | undefined {
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) ? read : undefined;
  } catch {
    return undefined;
  }
}
