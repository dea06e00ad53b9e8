import { checkAppend, type CheckedEvent } from './append-check.js';
import { InvalidAppend } from './errors.js';
import type { StoredEvent } from './event.js';
import type { LogPage } from './event-store.js';

/** An event to restore, with what stores index. */
export interface CheckedRestore extends Pick<CheckedEvent, 'correlationId' | 'causationId'> {
  readonly event: StoredEvent;
}

/**
 * What every store asks of the pages given to `restore`. Call it anew for each restore, then the result for each page.
 * Positions rise, times never fall, versions of each stream are 1, 2, 3 …, ids are new, places in appends go on or begin.
 */
export function checkRestorePage(maxEventBytes?: number): (page: LogPage) => readonly CheckedRestore[] {
  const versions = new Map<string, number>();
  const ids = new Set<string>();
  let last = { position: 0, time: -Infinity, appendIndex: -1 };
  return (page) =>
    page.events.map((event): CheckedRestore => {
      const { position, stream, version, appendIndex, recordedAt } = event;
      const path = `event at position ${position}`;
      const { correlationId, causationId, ...stamped } = checkForm(event, maxEventBytes);
      const place = { stream, version, position, appendIndex, recordedAt };
      checkPlace(place, last, path);
      if (version !== (versions.get(stream) ?? 0) + 1) {
        refuse(path, `version ${version} of ${stream} does not follow version ${versions.get(stream) ?? 0}.`);
      }
      if (ids.has(event.id)) throw new InvalidAppend('id-twice', path, `id "${event.id}" occurred before.`);
      versions.set(stream, version);
      ids.add(event.id);
      last = { position, time: recordedAt.getTime(), appendIndex };
      return { event: { ...stamped, ...place }, correlationId, causationId };
    });
}

function checkForm(event: StoredEvent, maxEventBytes: number | undefined): CheckedEvent {
  const { id, type, schemaVersion, data, metadata, stream } = event;
  const write = { stream, expected: 'any', events: [{ id, type, schemaVersion, data, metadata }] } as const;
  const options = maxEventBytes === undefined ? {} : { maxEventBytes };
  return checkAppend([write], options).writes[0]!.events[0]!;
}

function checkPlace(
  { position, recordedAt, appendIndex }: Pick<StoredEvent, 'position' | 'recordedAt' | 'appendIndex'>,
  last: { readonly position: number; readonly time: number; readonly appendIndex: number },
  path: string,
): void {
  const time = recordedAt.getTime();
  if (!Number.isSafeInteger(position) || position <= last.position)
    refuse(path, `positions must rise; the one before was ${last.position}.`);
  if (!Number.isInteger(time) || time < last.time)
    refuse(path, 'recordedAt must be a valid time and not before that of the event before it.');
  if (appendIndex !== 0 && appendIndex !== last.appendIndex + 1)
    refuse(path, `appendIndex must be 0 or follow that of the event before it, ${last.appendIndex}.`);
}

function refuse(path: string, message: string): never {
  throw new InvalidAppend('restore-order', path, message);
}
