import { InvalidAppend, type AppendProblem } from './errors.js';
import type { StampedEvent } from './event.js';
import type { ExpectedVersion, Write } from './event-store.js';
import { LIMITS, isName, isWellFormed } from './names.js';

/** An append that every store accepts in form, with what stores index. */
export interface CheckedAppend {
  /** The id of the first event. */
  readonly appendId: string;
  readonly writes: readonly CheckedWrite[];
  readonly eventCount: number;
  /** Of data and metadata, in UTF-8. */
  readonly bytes: number;
}

/** A write of a checked append. */
export interface CheckedWrite {
  readonly stream: string;
  /** `'none'` has become 0. */
  readonly expected: number | 'exists' | 'any';
  readonly events: readonly CheckedEvent[];
}

/** An event of a checked append, with the metadata that stores index. */
export interface CheckedEvent extends StampedEvent {
  readonly correlationId: string;
  readonly causationId: string | undefined;
}

/**
 * What every store asks of an append before it writes anything, so that all refuse bad input alike.
 *
 * @throws InvalidAppend naming the place
 */
export function checkAppend(
  writes: readonly Write[],
  options: { readonly maxEventBytes?: number } = {},
): CheckedAppend {
  if (!Array.isArray(writes) || writes.length === 0)
    throw new InvalidAppend('empty', 'writes', 'there is nothing to append.');
  const check = new AppendCheck(options.maxEventBytes ?? LIMITS.event);
  const checked = writes.map((write: Write) => check.write(write));
  if (check.eventCount > LIMITS.appendEvents) {
    refuse(
      'too-many',
      'writes',
      `${check.eventCount} events in one append, at most ${LIMITS.appendEvents}: split it.`,
    );
  }
  const { eventCount, bytes } = check;
  return { appendId: checked[0]!.events[0]!.id, writes: checked, eventCount, bytes };
}

/** What has been seen of an append so far. Every event comes by here, so a place is put into words only for a refusal. */
class AppendCheck {
  eventCount = 0;
  bytes = 0;
  private readonly streams = new Set<string>();
  private readonly ids = new Set<string>();
  private last: KnownMetadata | undefined;

  constructor(private readonly maxEventBytes: number) {}

  write(write: Write): CheckedWrite {
    const w = this.streams.size;
    checkWrite(write, `writes[${w}]`, this.streams);
    const { stream, expected, events } = write;
    this.eventCount += events.length;
    const checked = events.map((event, e) => this.event(event, () => `writes[${w}].events[${e}]`));
    return { stream, expected: expected === 'none' ? 0 : expected, events: checked };
  }

  private event(event: StampedEvent, at: Place): CheckedEvent {
    if (typeof event !== 'object' || event === null) refuse('id', at(), 'must be a stamped event.');
    const { id, type, schemaVersion, data, metadata } = event;
    if (!isName(id, LIMITS.idBytes)) refuse('id', `${at()}.id`, NAME(LIMITS.idBytes));
    if (!isName(type, LIMITS.type)) refuse('type', `${at()}.type`, NAME(LIMITS.type));
    if (!Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > 2 ** 31 - 1)
      refuse('schema-version', `${at()}.schemaVersion`, 'must be a whole number from 1.');
    // The events of an append mostly share their metadata, to the letter.
    const same = this.last?.metadata === metadata ? this.last : undefined;
    const metadataBytes = same?.bytes ?? sizeOf(metadata, at, 'metadata');
    this.bytes += within(this.maxEventBytes, sizeOf(data, at, 'data') + metadataBytes, at);
    parsed(data, at, 'data');
    const known = same ?? {
      metadata,
      bytes: metadataBytes,
      ...indexed(parsed(metadata, at, 'metadata'), at),
    };
    const { correlationId, causationId } = (this.last = known);
    if (this.ids.has(id)) refuse('id-twice', `${at()}.id`, `"${id}" occurs twice in this append.`);
    this.ids.add(id);
    return { id, type, schemaVersion, data, metadata, correlationId, causationId };
  }
}

/** Metadata that was checked. */
interface KnownMetadata extends Pick<CheckedEvent, 'metadata' | 'correlationId' | 'causationId'> {
  readonly bytes: number;
}

/** Says where something stands in an append: `writes[0].events[3]`. */
type Place = () => string;

const NAME = (maxBytes: number) =>
  `must be 1 to ${maxBytes} bytes of well-formed text without control characters.`;

function checkWrite(write: Write, path: string, streams: Set<string>): void {
  if (typeof write !== 'object' || write === null)
    refuse('empty', path, 'must be a write: { stream, expected, events }.');
  if (!isName(write.stream, LIMITS.stream)) refuse('stream', `${path}.stream`, NAME(LIMITS.stream));
  if (streams.has(write.stream)) {
    refuse('stream-twice', `${path}.stream`, `"${write.stream}" occurs twice: put its events in one write.`);
  }
  streams.add(write.stream);
  if (!isExpectedVersion(write.expected)) {
    refuse(
      'expected',
      `${path}.expected`,
      `must be a whole number ≥ 0, 'none', 'exists' or 'any', not ${String(write.expected)}.`,
    );
  }
  if (!Array.isArray(write.events) || write.events.length === 0) {
    refuse('empty', `${path}.events`, 'there is nothing to append.');
  }
}

function isExpectedVersion(expected: ExpectedVersion): boolean {
  return (
    expected === 'none' ||
    expected === 'exists' ||
    expected === 'any' ||
    (Number.isSafeInteger(expected) && expected >= 0)
  );
}

function within(maxBytes: number, bytes: number, at: Place): number {
  if (bytes <= maxBytes) return bytes;
  const message = `data and metadata take ${bytes} bytes, at most ${maxBytes}: store the bulk elsewhere and record a reference.`;
  return refuse('too-large', at(), message);
}

function sizeOf(text: unknown, at: Place, part: 'data' | 'metadata'): number {
  if (typeof text !== 'string')
    return refuse(part, `${at()}.${part}`, `must be JSON text, not ${typeof text}.`);
  if (!isWellFormed(text))
    refuse(part, `${at()}.${part}`, 'has a lone surrogate, which no UTF-8 store can keep.');
  return Buffer.byteLength(text);
}

function parsed(text: string, at: Place, part: 'data' | 'metadata'): unknown {
  if (text.length > LIMITS.depth && depthOf(text) > LIMITS.depth)
    refuse('too-deep', `${at()}.${part}`, `is nested more than ${LIMITS.depth} levels deep.`);
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse(part, `${at()}.${part}`, `is not JSON: ${(error as Error).message}`);
  }
}

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i);
    if (char === 0x22) {
      for (i++; i < json.length && json.charCodeAt(i) !== 0x22; i++) if (json.charCodeAt(i) === 0x5c) i++;
    } else if (char === 0x7b || char === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x7d || char === 0x5d) depth--;
  }
  return deepest;
}

const ID = `must be 1 to ${LIMITS.idBytes} bytes of text without control characters.`;

/** What stores index of metadata that is as it should be. */
function indexed(metadata: unknown, at: Place): Pick<CheckedEvent, 'correlationId' | 'causationId'> {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    refuse('metadata', `${at()}.metadata`, 'must be a JSON object.');
  const { correlationId, causationId, source, occurredAt } = metadata as Record<string, unknown>;
  if (!isName(correlationId, LIMITS.idBytes)) refuse('metadata', `${at()}.metadata.correlationId`, ID);
  if (causationId !== undefined && !isName(causationId, LIMITS.idBytes))
    refuse('metadata', `${at()}.metadata.causationId`, ID);
  if (typeof source !== 'string')
    refuse('metadata', `${at()}.metadata.source`, 'must name the application that records the event.');
  if (typeof occurredAt !== 'string' || !isInstant(occurredAt))
    refuse(
      'metadata',
      `${at()}.metadata.occurredAt`,
      'must be a time in ISO 8601, in UTC, with milliseconds.',
    );
  return { correlationId, causationId };
}

/** Exactly what `toISOString` writes. Asked of every event, so what can be told by its form is. */
function isInstant(text: string): boolean {
  if (EVERY_MONTH_HAS.test(text)) return true;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString() === text;
}

const EVERY_MONTH_HAS =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** What stores index of any metadata, also of what was never checked. */
export function indexedIn(metadata: string): {
  readonly correlationId?: unknown;
  readonly causationId?: unknown;
} {
  try {
    return Object(JSON.parse(metadata)) as object;
  } catch {
    return {};
  }
}

function refuse(problem: AppendProblem, path: string, message: string): never {
  throw new InvalidAppend(problem, path, message);
}
