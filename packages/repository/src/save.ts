import type { EventStore, NewEvent, Recorder, StoreTransaction } from '@backstory/core';
import { checkState, recordOf } from '@backstory/aggregate';
import { SaveInProgress } from './errors.js';

/** How `save` goes about it. */
export interface SaveOptions {
  /** Repeats a save whose outcome is unknown. */
  readonly appendId?: string | undefined;
  /** For the framework: save in a transaction, with whose end this settles. `app.within` is the way to it. */
  readonly into?: Pick<StoreTransaction, 'append'> | undefined;
}

/** What a save recorded. */
export interface Saved {
  readonly stream: string;
  /** Of the last event recorded. Where nothing was raised, of the last event there is. */
  readonly version: number;
  /** The same event's place in the log: wait for it in a read model to read your own writes. 0: no events at all. */
  readonly position: number;
  /** Of the events recorded, in order. */
  readonly ids: readonly string[];
  /** These events had been recorded before. */
  readonly repeated: boolean;
}

export interface SaveCollaborators {
  readonly store: EventStore;
  readonly recorder: Recorder;
}

/** Records the pending events of an aggregate at the version it was loaded at. */
export async function saveAggregate(
  aggregate: object,
  stream: string,
  { store, recorder }: SaveCollaborators,
  { appendId, into }: SaveOptions,
): Promise<Saved> {
  const record = recordOf(aggregate);
  record.checkWritable();
  if (record.saving) throw new SaveInProgress(stream);
  checkState(aggregate);
  const events = [...record.pending];
  const expected = record.version - events.length;
  if (events.length === 0)
    return { stream, version: expected, position: record.position, ids: [], repeated: false };
  record.saving = true;
  try {
    const result = await recorder.record([{ stream, expected, events }], {
      ...(appendId !== undefined && { appendId }),
      ...(into && { into }),
    });
    const { version, position } = result.writes[0]!;
    // Recorded before: by this very save through a lost connection, or by an earlier run that may have decided otherwise.
    const isOurs =
      !result.repeated ||
      (version === expected + events.length && (await isRecorded(store, stream, expected, events)));
    if (!isOurs)
      record.spoil(
        'what it raised had been recorded before, by an earlier run of the same handler or command',
      );
    record.pending.splice(0, events.length);
    record.position = position;
    return { stream, version, position, ids: result.ids, repeated: result.repeated };
  } finally {
    record.saving = false;
  }
}

async function isRecorded(
  store: EventStore,
  stream: string,
  after: number,
  events: readonly NewEvent[],
): Promise<boolean> {
  const texts: string[] = [];
  for await (const page of store.readStream(stream, { after, upTo: after + events.length })) {
    texts.push(...page.events.map((event) => event.type + event.data));
  }
  return events.every((event, i) => event.type + event.data === texts[i]);
}
