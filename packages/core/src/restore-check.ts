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
 * Positions rise, times never fall, versions of each stream are 1, 2, 3 …, ids are new.
 */
export function checkRestorePage(maxEventBytes?: number): (page: LogPage) => readonly CheckedRestore[] {
  const versions = new Map<string, number>();
  const ids = new Set<string>();
  let last = { position: 0, time: -Infinity };
  return (page) =>
    page.events.map((event): CheckedRestore => {
      const { id, type, schemaVersion, data, metadata, stream, version, position, recordedAt } = event;
      const path = `event at position ${position}`;
      const write = {
        stream,
        expected: 'any',
        events: [{ id, type, schemaVersion, data, metadata }],
      } as const;
      const { correlationId, causationId } = checkAppend(
        [write],
        maxEventBytes === undefined ? {} : { maxEventBytes },
      ).writes[0]!.events[0]!;
      const time = recordedAt.getTime();
      if (!Number.isSafeInteger(position) || position <= last.position)
        refuse(path, `positions must rise; the one before was ${last.position}.`);
      if (!Number.isInteger(time) || time < last.time)
        refuse(path, 'recordedAt must be a valid time and not before that of the event before it.');
      if (version !== (versions.get(stream) ?? 0) + 1) {
        refuse(path, `version ${version} of ${stream} does not follow version ${versions.get(stream) ?? 0}.`);
      }
      if (ids.has(id)) throw new InvalidAppend('id-twice', path, `id "${id}" occurred before.`);
      versions.set(stream, version);
      ids.add(id);
      last = { position, time };
      return {
        event: { id, type, schemaVersion, data, metadata, stream, version, position, recordedAt },
        correlationId,
        causationId,
      };
    });
}

function refuse(path: string, message: string): never {
  throw new InvalidAppend('restore-order', path, message);
}
