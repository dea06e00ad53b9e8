import type { EventMetadata, StoredEvent } from '@backstory/core';
import { UnknownFormat, isWellFormed } from '@backstory/core/store';

const FORMAT = 'backstory event 1';

/**
 * One stored event as a line of JSON: a CloudEvent 1.0 (https://github.com/cloudevents/spec, JSON event format) that says
 * everything of it, format version 1. What CloudEvents has no name for are extension attributes; those for correlation, tracing,
 * recorded time and sequence have the names of its documented extensions. `data` is the stored text itself. Where JSON readers would
 * change it, as with `1.0` or a line break, it is `data_base64`, which keeps every byte; so does `metadatabase64`.
 */
export function writeCloudEvent(event: StoredEvent): string {
  const attributes = JSON.stringify(attributesOf(event));
  const { data } = event;
  const payload = isCanonical(data)
    ? `"data":${data}`
    : `"data_base64":${JSON.stringify(Buffer.from(data).toString('base64'))}`;
  return `${attributes.slice(0, -1)},${payload}}`;
}

/** Reads what {@link writeCloudEvent} wrote. @throws UnknownFormat when it is anything else */
export function readCloudEvent(line: string): StoredEvent {
  return storedEventIn(objectIn(line));
}

/** Whether a CloudEvent says all that a log has to know to hold the event again. */
export function isStoredEvent(read: Readonly<Record<string, unknown>>): boolean {
  return read['backstoryversion'] !== undefined;
}

/** @throws UnknownFormat */
export function storedEventIn(read: Readonly<Record<string, unknown>>): StoredEvent {
  if (read['specversion'] !== '1.0' || read['backstoryversion'] !== 1)
    throw new UnknownFormat(FORMAT, formatOf(read));
  const text = (name: string) => textIn(read, name);
  const whole = (name: string) => wholeIn(read, name);
  const recordedAt = new Date(text('recordedtime'));
  if (Number.isNaN(recordedAt.getTime())) throw new UnknownFormat(FORMAT, 'a recordedtime that is none');
  return {
    id: text('id'),
    stream: text('subject'),
    version: whole('streamversion'),
    position: sequenceIn(text('sequence')),
    appendIndex: whole('appendindex'),
    type: text('type'),
    schemaVersion: whole('schemaversion'),
    recordedAt,
    data: dataOf(read),
    metadata: read['metadatabase64'] === undefined ? text('metadata') : base64In(read, 'metadatabase64'),
  };
}

/** The data of a CloudEvent as JSON text. @throws UnknownFormat where it is not JSON */
export function dataOf(read: Readonly<Record<string, unknown>>): string {
  if (read['data_base64'] !== undefined) return base64In(read, 'data_base64');
  return JSON.stringify(read['data'] ?? null);
}

/** @throws UnknownFormat */
export function objectIn(line: string): Readonly<Record<string, unknown>> {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch (cause) {
    throw new UnknownFormat(FORMAT, `no JSON (${(cause as Error).message})`);
  }
  if (typeof read === 'object' && read !== null && !Array.isArray(read))
    return read as Readonly<Record<string, unknown>>;
  throw new UnknownFormat(FORMAT, 'JSON that is no object');
}

function attributesOf(event: StoredEvent) {
  const { id, stream, version, position, appendIndex, type, schemaVersion, recordedAt, metadata } = event;
  const known = JSON.parse(metadata) as Partial<EventMetadata>;
  const { correlationId, causationId, traceparent, tracestate } = known;
  return {
    specversion: '1.0',
    id,
    // A reference that is relative to nothing: who recorded it is a name, not an address.
    source: `/${encodeURIComponent(asText(known.source)?.toWellFormed() ?? '')}`,
    type,
    subject: stream,
    time: timeOf(known.occurredAt),
    datacontenttype: 'application/json',
    backstoryversion: 1,
    // Text that sorts as the positions do; CloudEvents has no integer that is large enough.
    sequence: String(position).padStart(16, '0'),
    streamversion: version,
    appendindex: appendIndex,
    schemaversion: schemaVersion,
    recordedtime: recordedAt.toISOString(),
    correlationid: asText(correlationId),
    causationid: asText(causationId),
    traceparent: asText(traceparent),
    tracestate: asText(tracestate),
    ...(isPlain(metadata) ? { metadata } : { metadatabase64: Buffer.from(metadata).toString('base64') }),
  };
}

/** Whether a reader of JSON that writes it again writes the same text. */
function isCanonical(text: string): boolean {
  return JSON.stringify(JSON.parse(text)) === text;
}

// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const NOT_PLAIN = /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/;

/** Whether it is what CloudEvents calls a string. */
function isPlain(text: string): boolean {
  return !NOT_PLAIN.test(text) && isWellFormed(text);
}

/** What a person gave may be anything; what is no string of CloudEvents is in the metadata all the same. */
function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && isPlain(value) ? value : undefined;
}

/** Left out where it is none that RFC 3339 can write. */
function timeOf(occurredAt: unknown): string | undefined {
  return typeof occurredAt === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(occurredAt)
    ? occurredAt
    : undefined;
}

function formatOf({ specversion, backstoryversion }: Readonly<Record<string, unknown>>): string {
  if (specversion === undefined) return 'no CloudEvent';
  if (specversion !== '1.0') return `CloudEvents ${JSON.stringify(specversion)}`;
  return backstoryversion === undefined
    ? 'a CloudEvent of another system'
    : `backstory event ${JSON.stringify(backstoryversion)}`;
}

function textIn(read: Readonly<Record<string, unknown>>, name: string): string {
  const value = read[name];
  if (typeof value === 'string') return value;
  throw new UnknownFormat(FORMAT, value === undefined ? `no ${name}` : `a ${name} that is no text`);
}

function wholeIn(read: Readonly<Record<string, unknown>>, name: string): number {
  const value = read[name];
  if (Number.isSafeInteger(value)) return value as number;
  throw new UnknownFormat(FORMAT, value === undefined ? `no ${name}` : `a ${name} that is no whole number`);
}

function sequenceIn(text: string): number {
  const position = Number(text);
  if (/^\d{16}$/.test(text) && Number.isSafeInteger(position)) return position;
  throw new UnknownFormat(FORMAT, `a sequence that is no position: ${text}`);
}

function base64In(read: Readonly<Record<string, unknown>>, name: string): string {
  const bytes = Buffer.from(textIn(read, name), 'base64');
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;
  throw new UnknownFormat(FORMAT, `a ${name} that is no text`);
}
