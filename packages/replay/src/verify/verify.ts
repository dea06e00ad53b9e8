import { modelOf } from '@backstory/aggregate';
import { isSystemStream } from '@backstory/core/store';
import type { EventMetadata, EventStore, StateStore, StoredEvent } from '@backstory/core';
import type { EventTypes } from '@backstory/events';
import { checkSnapshots, type SnapshotCheck } from '@backstory/repository';
import type { ReplaySource } from '../stream-fold.js';
import { CauseChecks } from './cause-checks.js';
import { EventChecks, type Known } from './event-checks.js';
import { Findings, type LogFinding, type NotChecked } from './finding.js';
import { findGaps } from './version-gaps.js';

/** A log, what is kept beside it, and what is known of its application. */
export interface VerifySource {
  readonly events: EventStore;
  readonly state?: StateStore | undefined;
  /** Without the application neither types nor snapshots can be looked at. */
  readonly application?: (Pick<ReplaySource, 'aggregates'> & { readonly types: EventTypes }) | undefined;
}

/** How much of a log is looked at, and who is told meanwhile. */
export interface VerifyOptions {
  /** Only events after this position; versions are not counted then. */
  readonly after?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (position: number, head: number) => void;
}

/** How a log is. */
export interface Health {
  /** Events up to here were looked at. */
  readonly head: number;
  readonly events: number;
  readonly streams: number | null;
  readonly snapshots: number | null;
  readonly findings: readonly LogFinding[];
  readonly notChecked: readonly NotChecked[];
}

/**
 * Whether a log is as the framework leaves it, and what is kept beside it as the log would make it. Only reads; a page is in memory at
 * a time, whatever there is.
 */
export async function verify(source: VerifySource, options: VerifyOptions = {}): Promise<Health> {
  const findings = new Findings();
  const notChecked: NotChecked[] = [];
  const { head } = await source.events.identity();
  const { after = 0, signal } = options;
  const events = await scan(source, findings, { ...options, head, after });
  const isWhole = after === 0;
  if (!isWhole)
    notChecked.push({ check: 'versions without gaps', why: 'only a part of the log was looked at' });
  const streams = isWhole ? await findGaps(source.events, { events, head }, findings) : null;
  signal?.throwIfAborted();
  const snapshots = await snapshotsOf(source, { findings, notChecked, signal });
  return { head, events, streams, snapshots, findings: findings.all(), notChecked };
}

interface Scanning extends VerifyOptions {
  readonly after: number;
  readonly head: number;
}

async function scan(
  { events: store, application }: VerifySource,
  findings: Findings,
  { after, head, signal, onProgress }: Scanning,
): Promise<number> {
  const each = new EventChecks(findings, application?.types);
  const causes = new CauseChecks(store, findings);
  let count = 0;
  for await (const { events, through } of store.readAll({ after, upTo: head, includeSystem: true })) {
    signal?.throwIfAborted();
    const known = events.map(withMetadata);
    for (const it of known) each.see(it);
    await causes.see(known.filter(({ event }) => !isSystemStream(event.stream)));
    count += events.length;
    onProgress?.(Math.min(through, head), head);
  }
  return count;
}

function withMetadata(event: StoredEvent): Known {
  return { event, metadata: JSON.parse(event.metadata) as Partial<EventMetadata> };
}

interface Checking {
  readonly findings: Findings;
  readonly notChecked: NotChecked[];
  readonly signal: AbortSignal | undefined;
}

async function snapshotsOf(
  { events, state, application }: VerifySource,
  { findings, notChecked, signal }: Checking,
): Promise<number | null> {
  if (!state || !application) {
    const why =
      'they are folded by the application, which is not known here: give its configuration (--config, beside --store)';
    notChecked.push({ check: 'types, and snapshots', why });
    return null;
  }
  const models = application.aggregates.map((cls) => modelOf(cls));
  let count = 0;
  let others = 0;
  for await (const found of checkSnapshots({ events, state, models })) {
    signal?.throwIfAborted();
    if (found.result === 'of-other-code') others++;
    else {
      count++;
      tell(found, findings);
    }
  }
  if (others > 0)
    notChecked.push({ check: `${others} snapshots`, why: 'other code made them, and only that reads them' });
  return count;
}

const WHAT: Readonly<Record<Exclude<SnapshotCheck['result'], 'same' | 'of-other-code'>, string>> = {
  different: 'a snapshot is not what a fold of all events gives',
  'not-of-this-log': 'a snapshot was taken after an event that the log has not',
  unreadable: 'a snapshot cannot be compared',
};

function tell({ result, stream, version, why }: SnapshotCheck, findings: Findings): void {
  if (result === 'same' || result === 'of-other-code') return;
  findings.add(
    'snapshot',
    {
      subject: stream,
      what: why === undefined ? WHAT[result] : `${WHAT[result]}: ${why}`,
      todo: 'Handlers have changed without their shape, or have no fixed result: raise the version of the state, @Aggregate(…, { version }), so that no snapshot of before is read.',
    },
    { stream, version },
  );
}
