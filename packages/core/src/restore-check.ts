import { checkAppend, type CheckedEvent } from './append-check.js';
import { InvalidAppend } from './errors.js';
import type { StoredEvent } from './event.js';
import type { LogPage } from './event-store.js';

/** An event to restore, with what stores index. */
export interface CheckedRestore extends Pick<CheckedEvent, 'correlationId' | 'causationId'> {
  readonly event: StoredEvent;
}

/**
 * What every store asks of the pages given to one `restore`: positions rise, times never fall, versions of each stream are
 * 1, 2, 3 …, ids are new, places in appends go on or begin.
 */
export class RestoreCheck {
  private readonly versions = new Map<string, number>();
  private last = { position: 0, time: -Infinity, appendIndex: -1 };

  constructor(private readonly maxEventBytes?: number) {}

  /** The next page, by itself and after those before it, but for ids of these. @throws InvalidAppend */
  page({ events }: LogPage): readonly CheckedRestore[] {
    const ids = new Set<string>();
    return events.map((event) => {
      const checked = this.event(event);
      if (ids.has(event.id)) throw idTwice(event);
      ids.add(event.id);
      return checked;
    });
  }

  /** Refuses a page of which the log has an id already: the store knows them, and they need not be in memory. @throws InvalidAppend */
  refuseKnown(page: readonly CheckedRestore[], known: ReadonlySet<string>): void {
    const again = page.find(({ event }) => known.has(event.id));
    if (again) throw idTwice(again.event);
  }

  private event(event: StoredEvent): CheckedRestore {
    const { position, stream, version, appendIndex, recordedAt } = event;
    const path = pathOf(event);
    const { correlationId, causationId, ...stamped } = checkForm(event, this.maxEventBytes);
    const place = { stream, version, position, appendIndex, recordedAt };
    checkPlace(place, this.last, path);
    const before = this.versions.get(stream) ?? 0;
    if (version !== before + 1)
      refuse(path, `version ${version} of ${stream} does not follow version ${before}.`);
    this.versions.set(stream, version);
    this.last = { position, time: recordedAt.getTime(), appendIndex };
    return { event: { ...stamped, ...place }, correlationId, causationId };
  }
}

function idTwice(event: StoredEvent): InvalidAppend {
  return new InvalidAppend('id-twice', pathOf(event), `id "${event.id}" occurred before.`);
}

function pathOf({ position }: StoredEvent): string {
  return `event at position ${position}`;
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
  if (!(time >= EARLIEST && time <= LATEST) || time < last.time)
    refuse(
      path,
      'recordedAt must be a time of the years 1 to 9999, and not before that of the event before it.',
    );
  if (appendIndex !== 0 && appendIndex !== last.appendIndex + 1)
    refuse(path, `appendIndex must be 0 or follow that of the event before it, ${last.appendIndex}.`);
}

/** Not every database keeps others to the millisecond. */
const [EARLIEST, LATEST] = [-62_135_596_800_000, 253_402_300_799_999];

function refuse(path: string, message: string): never {
  throw new InvalidAppend('restore-order', path, message);
}
