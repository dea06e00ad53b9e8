import type { AggregateModel } from '@backstory/aggregate';
import { categoryOf, idOf, type EventStore, type StateStore } from '@backstory/core';
import type { StateEntry } from '@backstory/core/state';
import { differences } from './same-state.js';
import { isWitness, type Snapshot } from './snapshot.js';
import { COLLECTION, storedSnapshot } from './stored-snapshots.js';

/** What became of one snapshot beside the events that it is to stand for. */
export interface SnapshotCheck {
  readonly stream: string;
  readonly version: number;
  /**
   * | | |
   * |---|---|
   * | `same` | a fold of all events gives the same state |
   * | `different` | it does not: the properties are named |
   * | `not-of-this-log` | the log has not the event after which it was taken |
   * | `unreadable` | it is damaged, or events before it cannot be folded |
   * | `of-other-code` | other code made it, and only that reads it |
   */
  readonly result: 'same' | 'different' | 'not-of-this-log' | 'unreadable' | 'of-other-code';
  readonly why?: string;
}

/** Where the snapshots are, and what folds the streams they are of. */
export interface SnapshotSource {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly models: readonly AggregateModel<object>[];
}

const PAGE = 50;

/** Compares every snapshot that is kept of a log with a fold of all events before it. Nothing is written. */
export async function* checkSnapshots(source: SnapshotSource): AsyncGenerator<SnapshotCheck, void> {
  const { logId } = await source.events.identity();
  const prefix = `${logId}\n`;
  let after: string | undefined;
  for (;;) {
    const query = { prefix, limit: PAGE, ...(after !== undefined && { after }) };
    const entries = await source.state.read((view) => view.list(COLLECTION, query));
    for (const entry of entries) yield await checkEntry(source, entry);
    if (entries.length < PAGE) return;
    after = entries.at(-1)!.key;
  }
}

async function checkEntry({ events, models }: SnapshotSource, entry: StateEntry): Promise<SnapshotCheck> {
  const [, stream = '', shape] = entry.key.split('\n');
  const { version, snapshot } = storedSnapshot(entry);
  const place = { stream, version };
  const model = models.find((it) => it.category === categoryOf(stream) && it.shape === shape);
  if (!model) return { ...place, result: 'of-other-code' };
  if (!snapshot) return { ...place, result: 'unreadable', why: 'its text is none' };
  try {
    return { ...place, ...(await compared(events, model, snapshot)) };
  } catch (error) {
    return { ...place, result: 'unreadable', why: error instanceof Error ? error.message : String(error) };
  }
}

async function compared(
  events: EventStore,
  model: AggregateModel<object>,
  { stream, state, last }: Snapshot,
): Promise<Pick<SnapshotCheck, 'result' | 'why'>> {
  const folded = model.create(idOf(stream));
  let reached;
  for await (const page of events.readStream(stream, { upTo: last.version })) {
    if (page.events.length > 0) model.fold(folded, page.events);
    reached = page.events.at(-1) ?? reached;
  }
  if (!isWitness(reached, last)) return { result: 'not-of-this-log' };
  const wrong = differences(model, folded, model.restore(idOf(stream), state, last));
  return wrong.length === 0 ? { result: 'same' } : { result: 'different', why: wrong.join(', ') };
}
