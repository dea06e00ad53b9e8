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
  const seen = { streams: new Set<string>(), ids: new Set<string>() };
  const total = { events: 0, bytes: 0 };
  const checked = writes.map((write: Write, w): CheckedWrite => {
    const path = `writes[${w}]`;
    checkWrite(write, path, seen.streams);
    total.events += write.events.length;
    const events = write.events.map((event, e) => {
      const at = `${path}.events[${e}]`;
      const { bytes, ...rest } = checkEvent(event, at, options.maxEventBytes ?? LIMITS.event);
      if (seen.ids.has(event.id))
        refuse('id-twice', `${at}.id`, `"${event.id}" occurs twice in this append.`);
      seen.ids.add(event.id);
      total.bytes += bytes;
      return rest;
    });
    return { stream: write.stream, expected: write.expected === 'none' ? 0 : write.expected, events };
  });
  if (total.events > LIMITS.appendEvents) {
    refuse(
      'too-many',
      'writes',
      `${total.events} events in one append, at most ${LIMITS.appendEvents}: split it.`,
    );
  }
  return {
    appendId: checked[0]!.events[0]!.id,
    writes: checked,
    eventCount: total.events,
    bytes: total.bytes,
  };
}

function checkWrite(write: Write, path: string, streams: Set<string>): void {
  if (typeof write !== 'object' || write === null)
    refuse('empty', path, 'must be a write: { stream, expected, events }.');
  if (!isName(write.stream, LIMITS.stream)) {
    refuse(
      'stream',
      `${path}.stream`,
      `must be 1 to ${LIMITS.stream} bytes of well-formed text without control characters.`,
    );
  }
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

function checkEvent(
  event: StampedEvent,
  path: string,
  maxBytes: number,
): CheckedEvent & { readonly bytes: number } {
  if (typeof event !== 'object' || event === null) refuse('id', path, 'must be a stamped event.');
  const { id, type, schemaVersion, data, metadata } = event;
  if (!isName(id, LIMITS.idBytes)) {
    refuse(
      'id',
      `${path}.id`,
      `must be 1 to ${LIMITS.idBytes} bytes of well-formed text without control characters.`,
    );
  }
  if (!isName(type, LIMITS.type)) {
    refuse(
      'type',
      `${path}.type`,
      `must be 1 to ${LIMITS.type} bytes of well-formed text without control characters.`,
    );
  }
  if (!Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > 2 ** 31 - 1) {
    refuse('schema-version', `${path}.schemaVersion`, 'must be a whole number from 1.');
  }
  const bytes = sizeOf(data, `${path}.data`, 'data') + sizeOf(metadata, `${path}.metadata`, 'metadata');
  if (bytes > maxBytes) {
    refuse(
      'too-large',
      path,
      `data and metadata take ${bytes} bytes, at most ${maxBytes}: store the bulk elsewhere and record a reference.`,
    );
  }
  parsed(data, `${path}.data`, 'data');
  const { correlationId, causationId } = checkMetadata(
    parsed(metadata, `${path}.metadata`, 'metadata'),
    `${path}.metadata`,
  );
  return { id, type, schemaVersion, data, metadata, correlationId, causationId, bytes };
}

function sizeOf(text: unknown, path: string, problem: AppendProblem): number {
  if (typeof text !== 'string') return refuse(problem, path, `must be JSON text, not ${typeof text}.`);
  if (!isWellFormed(text)) refuse(problem, path, 'has a lone surrogate, which no UTF-8 store can keep.');
  return Buffer.byteLength(text);
}

function parsed(text: string, path: string, problem: AppendProblem): unknown {
  if (text.length > LIMITS.depth && depthOf(text) > LIMITS.depth) {
    refuse('too-deep', path, `is nested more than ${LIMITS.depth} levels deep.`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse(problem, path, `is not JSON: ${(error as Error).message}`);
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

function checkMetadata(
  metadata: unknown,
  path: string,
): { correlationId: string; causationId: string | undefined } {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    refuse('metadata', path, 'must be a JSON object.');
  const { correlationId, causationId, source, occurredAt } = metadata as Record<string, unknown>;
  if (!isName(correlationId, LIMITS.idBytes)) {
    refuse(
      'metadata',
      `${path}.correlationId`,
      `must be 1 to ${LIMITS.idBytes} bytes of text without control characters.`,
    );
  }
  if (causationId !== undefined && !isName(causationId, LIMITS.idBytes)) {
    refuse(
      'metadata',
      `${path}.causationId`,
      `must be 1 to ${LIMITS.idBytes} bytes of text without control characters.`,
    );
  }
  if (typeof source !== 'string')
    refuse('metadata', `${path}.source`, 'must name the application that records the event.');
  if (typeof occurredAt !== 'string' || !isInstant(occurredAt)) {
    refuse('metadata', `${path}.occurredAt`, 'must be a time in ISO 8601, in UTC, with milliseconds.');
  }
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

function refuse(problem: AppendProblem, path: string, message: string): never {
  throw new InvalidAppend(problem, path, message);
}
