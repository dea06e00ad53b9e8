import { InvalidQuery, type StoredEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import { VersionOutOfRange } from '@backstory/repository';
import { isKeyed, readStatePath } from '../state-path.js';
import { valueAt } from '../value-at.js';

/** What would have been otherwise in a stream. Versions are those that were recorded. */
export interface Alterations {
  /** Events that did not happen. */
  readonly skip?: readonly number[];
  /** Events with another value at a path of their data. */
  readonly edit?: readonly { readonly version: number; readonly path: string; readonly value: Json }[];
  /** Events that happened as well, after a version; 0 is before the first. */
  readonly insert?: readonly InsertedEvent[];
  /** These events happened in this order: each takes the place of another of them. */
  readonly reorder?: readonly number[];
}

/** An event that did not happen. */
export interface InsertedEvent {
  readonly after: number;
  readonly type: string;
  readonly data: Json;
  readonly schemaVersion?: number;
}

/** The events of a stream as they would have been, numbered anew. @throws VersionOutOfRange, InvalidQuery */
export function alteredHistory(
  stream: string,
  events: readonly StoredEvent[],
  { skip = [], edit = [], insert = [], reorder = [] }: Alterations,
): readonly StoredEvent[] {
  const head = events.length;
  const check = (version: number, least = 1) => {
    if (!(Number.isSafeInteger(version) && version >= least && version <= head))
      throw new VersionOutOfRange(stream, version, head);
  };
  for (const version of [...skip, ...edit.map((it) => it.version), ...reorder]) check(version);
  for (const { after } of insert) check(after, 0);
  if (new Set(reorder).size < reorder.length)
    throw new InvalidQuery(
      'reorder',
      'names a version twice: give each once, in the order in which they happened.',
    );
  const altered = [...events];
  for (const { version, path, value } of edit)
    altered[version - 1] = edited(altered[version - 1]!, path, value);
  const places = [...reorder].sort((a, b) => a - b);
  const moved = reorder.map((version) => altered[version - 1]!);
  places.forEach((place, i) => (altered[place - 1] = moved[i]!));
  const skipped = new Set(skip);
  const isSkipped = (it: StoredEvent) => skipped.has(it.version);
  const made = [
    ...inserted(stream, insert, 0),
    ...altered.flatMap((it, i) => [...(isSkipped(it) ? [] : [it]), ...inserted(stream, insert, i + 1)]),
  ];
  return made.map((it, i) => ({ ...it, version: i + 1 }));
}

function inserted(stream: string, insert: readonly InsertedEvent[], after: number): readonly StoredEvent[] {
  return insert
    .filter((it) => it.after === after)
    .map(({ type, data, schemaVersion = 1 }, i) => ({
      id: `what-if-${after}-${i}`,
      stream,
      version: 0,
      position: 0,
      appendIndex: 0,
      type,
      schemaVersion,
      data: JSON.stringify(data),
      metadata: '{}',
      recordedAt: new Date(0),
    }));
}

/** What an edit changed. */
export interface EditedValue {
  readonly version: number;
  readonly path: string;
  readonly before: Json;
  readonly after: Json;
}

/** What the edits of a history changed, which has what they name. */
export function editedValues(
  events: readonly StoredEvent[],
  edit: NonNullable<Alterations['edit']>,
): readonly EditedValue[] {
  return edit.map(({ version, path, value }) => {
    const data = JSON.parse(events[version - 1]!.data) as Json;
    return { version, path, before: valueAt(data, path)!, after: value };
  });
}

/** @throws InvalidQuery for a path that the data do not have */
function edited(event: StoredEvent, path: string, value: Json): StoredEvent {
  const data = JSON.parse(event.data) as Json;
  const steps = readStatePath(path);
  let at: unknown = data;
  steps.forEach((step, i) => {
    const isLast = i === steps.length - 1;
    const isThere = typeof at === 'object' && at !== null && !isKeyed(step) && Object.hasOwn(at, step);
    if (!isThere || (Array.isArray(at) && typeof step !== 'number'))
      throw new InvalidQuery(
        'edit',
        `the data of version ${event.version} (${event.type}) have no ${path}: they are ${event.data.slice(0, 200)}`,
      );
    const members = at as Record<string | number, unknown>;
    if (isLast)
      Object.defineProperty(members, step, { value, writable: true, enumerable: true, configurable: true });
    else at = members[step];
  });
  return { ...event, data: JSON.stringify(data) };
}
