import { isSystemStream } from '@backstory/core/store';
import type { EventMetadata, EventStore, StoredEvent } from '@backstory/core';
import type { ReplaySource } from '@backstory/replay';
import { Effects, type Effect } from './effects.js';

/** Which events a report is about. Times are recorded times, both inclusive. */
export interface ReportQuery {
  readonly from?: Date;
  readonly to?: Date;
  /** The last position. Default: where the log ends when the report begins. */
  readonly upTo?: number;
  readonly streams?: readonly string[];
  readonly types?: readonly string[];
  readonly actor?: string;
  readonly includeSystem?: boolean;
  readonly signal?: AbortSignal;
}

/** One event: who did what, when, why, and with which effect. What its metadata do not say is null. */
export interface AuditEntry {
  readonly position: number;
  readonly recordedAt: Date;
  readonly occurredAt: string | null;
  readonly actor: string | null;
  readonly application: string | null;
  readonly tenant: string | null;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly id: string;
  /** As it is stored. */
  readonly data: string;
  readonly command: string | null;
  readonly correlationId: string | null;
  readonly cause: AuditCause | null;
  readonly effect: Effect;
}

/** The event that led to another. Where it is not in this log only its id is known. */
export interface AuditCause {
  readonly id: string;
  readonly event: Pick<StoredEvent, 'stream' | 'version' | 'type' | 'position'> | null;
}

/** Causes are looked up for so many events at once. */
const PAGE = 200;

/** The events of a report one by one, in the order of the log, up to its head as it is at the beginning. */
export async function* auditEntries(
  source: ReplaySource,
  query: ReportQuery = {},
): AsyncGenerator<AuditEntry, void> {
  const effects = new Effects(source, query.signal);
  for await (const events of eventsOf(source.events, query)) {
    const read = events.map((event) => ({ event, metadata: metadataOf(event) }));
    const wanted = read.filter(({ metadata }) => query.actor === undefined || metadata.actor === query.actor);
    const causes = await causesOf(
      source.events,
      wanted.flatMap(({ metadata }) => metadata.causationId ?? []),
    );
    for (const { event, metadata } of wanted) {
      query.signal?.throwIfAborted();
      const cause = causeOf(metadata, causes);
      yield { ...entryOf(event, metadata), cause, effect: await effectOf(effects, event) };
    }
  }
}

/** Pages of the events that a query chooses, save for their actor, which no store looks up. */
export async function* eventsOf(
  store: EventStore,
  { from, to, upTo, streams, types, includeSystem, signal }: ReportQuery,
): AsyncGenerator<readonly StoredEvent[], void> {
  const { head } = await store.identity();
  const pages = store.readAll({
    upTo: Math.min(head, upTo ?? head),
    pageSize: PAGE,
    ...(from && { recordedFrom: from }),
    ...(to && { recordedUpTo: to }),
    ...(streams && { streams }),
    ...(types && { types }),
    ...(includeSystem !== undefined && { includeSystem }),
  });
  for await (const { events } of pages) {
    signal?.throwIfAborted();
    yield events;
  }
}

/** What the metadata of an event say; nothing where somebody made them no metadata. */
export function metadataOf({ metadata }: StoredEvent): Partial<EventMetadata> {
  try {
    const read: unknown = JSON.parse(metadata);
    return typeof read === 'object' && read !== null ? read : {};
  } catch {
    return {};
  }
}

function entryOf(event: StoredEvent, metadata: Partial<EventMetadata>): Omit<AuditEntry, 'cause' | 'effect'> {
  const { position, recordedAt, stream, version, type, id, data } = event;
  return {
    position,
    recordedAt,
    occurredAt: textOf(metadata.occurredAt),
    actor: textOf(metadata.actor),
    application: textOf(metadata.source),
    tenant: textOf(metadata.tenant),
    stream,
    version,
    type,
    id,
    data,
    command: textOf(metadata.command),
    correlationId: textOf(metadata.correlationId),
  };
}

async function effectOf(effects: Effects, { stream, version }: StoredEvent): Promise<Effect> {
  if (isSystemStream(stream)) return { kind: 'unknown', reason: 'system streams have no state' };
  return effects.of(stream, version);
}

async function causesOf(
  store: EventStore,
  ids: readonly string[],
): Promise<ReadonlyMap<string, AuditCause['event']>> {
  const causes = new Map<string, AuditCause['event']>();
  const names = ids.filter((id) => typeof id === 'string');
  if (names.length === 0) return causes;
  for await (const { events } of store.readAll({ ids: names, includeSystem: true }))
    for (const { id, stream, version, type, position } of events)
      causes.set(id, { stream, version, type, position });
  return causes;
}

function causeOf(
  { causationId }: Partial<EventMetadata>,
  causes: ReadonlyMap<string, AuditCause['event']>,
): AuditCause | null {
  const id = textOf(causationId);
  return id === null ? null : { id, event: causes.get(id) ?? null };
}

/** Somebody may have made it anything. */
function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
