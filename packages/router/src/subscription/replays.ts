import type { EventStore, StateStore, StoredEvent } from '@backstory/core';
import type { collectionsOf } from './collections.js';
import type { Dispatcher } from './dispatcher.js';
import { partitionOf } from './key-partition.js';
import { keyOf } from './key-of.js';
import { rowsOf } from './pages-of.js';
import { leftOutAt, leftOutOf, readLeftOut, without, writeLeftOut, type LeftOut } from './left-out.js';
import type { Partition, Replaying } from './partition.js';
import { replayAt, writeReplay, type ReplayRequest } from './replay-request.js';
import type { SubscriptionDefinition } from './subscription-definition.js';

/** What replays work with. */
export interface ReplaysParts {
  readonly definition: SubscriptionDefinition;
  readonly events: EventStore;
  readonly state: StateStore;
  readonly dispatcher: Dispatcher;
  readonly collections: ReturnType<typeof collectionsOf>;
  /** One of the partitions has done its part. */
  readonly replayed: (request: ReplayRequest) => void;
  /** So have all that this process owns, or owned until now. */
  readonly replayEnded: (run: ReplayRun) => void;
  readonly failed: (error: unknown) => void;
  /** Another one waits for its turn: what is asked for is to be looked at now. */
  readonly look: () => void;
}

/** What this process has done of a replay, of all partitions together. */
export type ReplayRun = Pick<ReplayRequest, 'id' | 'handled' | 'failed'>;

/**
 * Has events handled again that were dealt with before. It goes by the checkpoint and moves nothing: of each partition one event after
 * another, in the order of the log, between the events that come. How far it is goes into the checkpoint, so another owner goes on there.
 */
export class Replays {
  private readonly running = new Map<Partition, string>();
  private readonly runs = new Map<string, ReplayRun>();
  /** Partitions of which another replay waits until the one that runs is done. */
  private readonly waited = new Set<Partition>();

  constructor(private readonly parts: ReplaysParts) {}

  /** Begins those requests whose partitions this process owns; of one partition one at a time. */
  begin(requests: readonly ReplayRequest[]): void {
    for (const request of requests) {
      const partition = this.parts.dispatcher.partitions.get(request.partition);
      if (!partition || partition.isClosing) continue;
      // What is stored may be older than what is known here.
      const known = partition.replayed.get(request.id) ?? request;
      if (known === 'done') continue;
      const running = this.running.get(partition);
      if (running !== undefined) {
        if (running !== known.id) this.waited.add(partition);
        continue;
      }
      this.running.set(partition, known.id);
      void this.run(partition, known).finally(() => this.end(partition, known.id));
    }
  }

  private end(partition: Partition, id: string): void {
    this.running.delete(partition);
    // What an outage interrupted is not begun again at once.
    if (this.waited.delete(partition) && partition.replayed.get(id) === 'done') this.parts.look();
    const run = this.runs.get(id);
    if (!run || [...this.running.values()].includes(id)) return;
    this.runs.delete(id);
    this.parts.replayEnded(run);
  }

  /** Never rejects: what an outage interrupts is begun again, where it was, with the next look. */
  private async run(partition: Partition, request: ReplayRequest): Promise<void> {
    let now = request;
    const { replayed } = this.parts;
    const isOwn = () => partition.isOpen && !partition.isClosing;
    // What was left out of a key is gone through from here on, but where one event alone is meant.
    const begun = request.event === undefined ? request.from : Infinity;
    const clear = new Map<string, number>();
    try {
      for await (const stored of this.found(partition, request)) {
        if (!isOwn()) return;
        const { how, ...done } = await this.handle(partition, stored, now);
        if (how === 'gone') return;
        // At once, for one checkpoint has all of it: what the marks say is not lost with them.
        for (const mark of done.marks) partition.replayMarks.add(mark);
        const { key } = done;
        if (how === 'handled')
          take(partition, done.leftOut, { position: stored.position, clear: clear.get(key) ?? begun });
        else clear.set(key, Math.max(begun, stored.position + 1));
        now = { ...now, [how]: now[how] + 1, from: stored.position + 1 };
        const { handled, failed } = this.runs.get(now.id) ?? { handled: 0, failed: 0 };
        const run = { id: now.id, handled, failed };
        this.runs.set(now.id, { ...run, [how]: run[how] + 1 });
        partition.replayed.set(now.id, now);
        partition.replays.set(replayAt(now), writeReplay(now));
      }
      if (!isOwn()) return;
      partition.replayed.set(now.id, 'done');
      partition.replays.set(replayAt(now), undefined);
      if (now.handled + now.failed > 0) replayed(now);
    } catch (error) {
      this.parts.failed(error);
    }
  }

  /** Those of the partition that were dealt with: what is still to come is handled in its turn. */
  private async *found(partition: Partition, request: ReplayRequest): AsyncGenerator<StoredEvent, void> {
    const { definition, events } = this.parts;
    const { event, key, from, to } = request;
    if (from > to) return;
    const query = {
      ...{ ...definition.query, after: from - 1, upTo: to },
      ...(event !== undefined && { ids: [event] }),
      ...(key !== undefined && !definition.options.key && { streams: [key] }),
    };
    for await (const page of events.readAll(query)) {
      for (const stored of page.events) {
        const [own] = keyOf(definition, stored);
        const isMeant = partitionOf(own) === partition.number && (key === undefined || key === own);
        if (isMeant && partition.isDealtWith(own, stored.position)) yield stored;
      }
    }
  }

  private async handle(
    partition: Partition,
    stored: StoredEvent,
    { id, again }: ReplayRequest,
  ): Promise<Handled> {
    const [key] = keyOf(this.parts.definition, stored);
    const leftOut = await this.leftOut(partition, key, stored.position);
    const marks: string[] = [];
    const how = await new Promise<Handled['how']>((end) => {
      const replaying: Replaying = { id, again, leftOut, marks, end };
      this.parts.dispatcher.replay({ partition, key, stored, replaying });
    });
    return { how, key, leftOut, marks };
  }

  /** Whether somebody had left the event out, as it is stored or about to be. */
  private async leftOut(partition: Partition, key: string, position: number): Promise<LeftOut | undefined> {
    const { state, collections } = this.parts;
    const prefix = leftOutOf(key);
    // What is being stored meanwhile is not read yet, and not noted any more.
    const noted = [...partition.leftOut];
    const rows = await state.read((view) => rowsOf(view, collections.leftOut, prefix));
    const known = new Map<string, string | undefined>(rows.map((it) => [it.key, it.value]));
    for (const [at, text] of [...noted, ...partition.leftOut]) if (at.startsWith(prefix)) known.set(at, text);
    return [...known.values()]
      .flatMap((text) => (text === undefined ? [] : [readLeftOut(text)]))
      .find(({ from, upTo }) => from <= position && position <= upTo);
  }
}

/** How an event was handled again, and what is to be noted of it. */
interface Handled {
  readonly how: 'handled' | 'failed' | 'gone';
  readonly key: string;
  readonly leftOut: LeftOut | undefined;
  readonly marks: readonly string[];
}

/** An event that was left out was handled after all. */
function take(
  { leftOut: rows }: Partition,
  leftOut: LeftOut | undefined,
  { position, clear }: { readonly position: number; readonly clear: number },
): void {
  if (!leftOut) return;
  rows.set(leftOutAt(leftOut), undefined);
  for (const it of without(leftOut, position, clear)) rows.set(leftOutAt(it), writeLeftOut(it));
}
