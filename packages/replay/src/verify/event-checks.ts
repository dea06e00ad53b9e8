import { isSystemStream } from '@backstory/core/store';
import type { EventMetadata, StoredEvent } from '@backstory/core';
import type { EventTypes } from '@backstory/events';
import { placeOf, type Findings } from './finding.js';

/** How far clocks of different machines may be apart. */
const CLOCKS_MS = 5_000;

/** An event with what is known about it. */
export interface Known {
  readonly event: StoredEvent;
  readonly metadata: Partial<EventMetadata>;
}

/** What is asked of each event by itself and beside the one before it, in the order of the log. */
export class EventChecks {
  private last: StoredEvent | undefined;

  constructor(
    private readonly findings: Findings,
    private readonly types: EventTypes | undefined,
  ) {}

  see({ event, metadata }: Known): void {
    this.clock(event, metadata);
    if (!isSystemStream(event.stream)) this.type(event);
    this.last = event;
  }

  private clock(event: StoredEvent, { occurredAt, source }: Known['metadata']): void {
    const { recordedAt } = event;
    if (this.last && recordedAt < this.last.recordedAt)
      this.findings.add(
        'clock-back',
        {
          subject: 'the log',
          what: 'an event was recorded before the one that precedes it',
          todo: 'No store writes this: restore from a copy, or find who altered it with "backstory audit verify".',
        },
        placeOf(event),
      );
    const ahead = Date.parse(occurredAt ?? '') - recordedAt.getTime();
    if (ahead <= CLOCKS_MS) return;
    if (Number.isNaN(ahead)) return;
    this.findings.add(
      'clock-ahead',
      {
        subject: source ?? '',
        what: `it happened more than ${CLOCKS_MS / 1_000} s after it was recorded: a clock is ahead, or that of the store is behind and held back`,
        todo: 'Set the clocks of the machines by NTP; "as recorded" is right in order, "as occurred" is not.',
      },
      placeOf(event),
    );
  }

  private type(event: StoredEvent): void {
    const { type, schemaVersion } = event;
    const place = placeOf(event);
    if (!NAME.test(type))
      this.findings.add(
        'type-name',
        {
          subject: type,
          what: 'the name of the type is not {domain}.{action}',
          todo: `Call new events e.g. account.deposited, and keep this name as an alias: @DomainEvent('…', { aliases: ['${type}'] }).`,
        },
        place,
      );
    if (!this.types) return;
    const known = this.types.find(type);
    if (!known)
      this.findings.add(
        'unknown-type',
        {
          subject: type,
          what: 'the application does not know this type',
          todo: 'Add the class to the events of defineBackstory, or the name to the aliases of the class that it became.',
        },
        place,
      );
    else if (schemaVersion > known.version)
      this.findings.add(
        'newer-type',
        {
          subject: type,
          what: `it has version ${schemaVersion} of its data, and this application knows ${known.version}`,
          todo: 'A newer release recorded it: ask with that release.',
        },
        place,
      );
  }
}

const NAME = /^[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+$/i;
