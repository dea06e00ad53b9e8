import { Context, Recorder, deriveId, type EventStore, type StoredEvent } from '@backstory/core';
import { headHash, readHead, writeHead, type TreeHead } from '@backstory/proof';

/** The system stream on which seals are recorded. */
export const AUDIT_STREAM = '_audit';
/** The type of the events on it. Their data is the signed head. */
export const SEALED = 'audit.sealed';

/** A head that stands in the log, or what stands there in its place. */
export interface RecordedHead {
  readonly position: number;
  /** `undefined`: what stands there is no head. */
  readonly head: TreeHead | undefined;
}

/** The heads that are recorded in the log, of any log that it was restored from, oldest first. */
export async function recordedHeads(
  store: EventStore,
  signal?: AbortSignal,
): Promise<readonly RecordedHead[]> {
  const heads: RecordedHead[] = [];
  for await (const { events } of store.readStream(AUDIT_STREAM)) {
    signal?.throwIfAborted();
    for (const event of events) if (event.type === SEALED) heads.push(recordedHead(event));
  }
  return heads;
}

/** The last head of this log that is recorded in it. */
export async function lastRecorded(store: EventStore, logId: string): Promise<TreeHead | undefined> {
  for await (const { events } of store.readStream(AUDIT_STREAM, { backwards: true, pageSize: 10 })) {
    for (const event of events) {
      const head = event.type === SEALED ? recordedHead(event).head : undefined;
      if (head?.logId === logId) return head;
    }
  }
  return undefined;
}

/** Records a head, once, whoever tries it how often. @throws VersionConflict where another seal came first */
export async function recordHead(
  store: EventStore,
  head: TreeHead,
  { expected, actor }: { readonly expected: number; readonly actor: string | undefined },
): Promise<void> {
  const recorder = new Recorder(store, { source: 'backstory audit' });
  const event = { type: SEALED, schemaVersion: 1, data: writeHead(head) };
  const write = { stream: AUDIT_STREAM, expected, events: [event] };
  const options = { system: true, appendId: deriveId(SEALED, headHash(head)) };
  await Context.of(actor === undefined ? {} : { actor }).run(() => recorder.record([write], options));
}

/** The version of the stream on which seals are recorded. */
export async function auditVersion(store: EventStore): Promise<number> {
  for await (const { events } of store.readStream(AUDIT_STREAM, { backwards: true, limit: 1 }))
    if (events[0]) return events[0].version;
  return 0;
}

function recordedHead({ position, data }: StoredEvent): RecordedHead {
  try {
    return { position, head: readHead(data) };
  } catch {
    return { position, head: undefined };
  }
}
