import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, StateStore, StoredEvent } from '@backstory/core';
import { tracesOf, type Observer } from '@backstory/core/observe';
import { FenceLost, isInfrastructure, type HeldLease } from '@backstory/core/state';
import type { Checkpoint } from '@backstory/core/store';
import type { ProjectionModel } from '../definition/projection-model.js';
import { ProjectionFailed } from '../errors.js';
import { generationIn, readControl, type Generation } from '../generation/control.js';
import type { Places } from '../generation/places.js';
import { readProgress, writeProgress, writeTrouble, type Progress } from '../generation/progress.js';
import { batches, type Batch } from './batches.js';
import { WriteBack } from './write-back.js';

/** What a feeder works with. */
export interface FeederParts {
  readonly model: ProjectionModel;
  readonly generation: Generation;
  readonly places: Places;
  readonly lease: HeldLease;
  readonly events: EventStore;
  readonly state: StateStore;
  readonly owner: string;
  readonly observer: Observer;
  /** Called after something was committed. */
  readonly progressed: (progress: Progress) => void;
  /** Called when it cannot reach something (`reason`), and when it can again (`undefined`). */
  readonly hindered: (reason: string | undefined) => void;
}

/** How feeding ended: it was told to, its lease or what it fed is gone, or it cannot go on by itself. */
export type FeedingEnd =
  { readonly end: 'stopped' | 'lost' } | { readonly end: 'faulted'; readonly error: unknown };

/** Folds the log into one generation, as long as its lease is held: effects and checkpoint in one fenced transaction. */
export class Feeder {
  private readonly documents: WriteBack;
  private readonly stopping = new AbortController();
  private progress: Progress | undefined;
  /** An event that failed: what is before it is committed before it is tried again. */
  private suspect = Infinity;
  private hindrances = 0;
  /** As it is wanted now: a generation that was swapped in is not held back any more. */
  private eventsPerSecond: number | undefined;
  private savedAt = 0;

  constructor(private readonly parts: FeederParts) {
    const { model, places, generation, lease } = parts;
    this.documents = new WriteBack(model, places, generation.number);
    lease.signal.addEventListener('abort', () => this.stopping.abort());
  }

  /** Ends it after the batch that is at work. */
  stop(): void {
    this.stopping.abort();
  }

  /** Feeds until it is stopped, its lease is lost, or it cannot go on. Never rejects. */
  async run(): Promise<FeedingEnd> {
    const { signal } = this.stopping;
    for (;;) {
      try {
        await this.feed();
        return { end: this.parts.lease.isHeld ? 'stopped' : 'lost' };
      } catch (error) {
        this.documents.forget();
        if (error instanceof FenceLost || error instanceof Withdrawn) return { end: 'lost' };
        if (signal.aborted) return { end: 'stopped' };
        if (!this.isToBeTriedAgain(error)) return this.faulted(error);
        if (!(error instanceof ProjectionFailed)) await this.hinder(error);
      }
    }
  }

  private async feed(): Promise<void> {
    const reading = new AbortController();
    try {
      await this.feedFrom(AbortSignal.any([this.stopping.signal, reading.signal]));
    } finally {
      reading.abort();
    }
  }

  private async feedFrom(signal: AbortSignal): Promise<void> {
    const { state, places, generation, events, model, observer } = this.parts;
    this.progress = await state.read((view) => readProgress(view, places, generation.number));
    const { types, eventsPerSecond } = generation;
    const name = `projection ${model.name}`;
    const after = this.progress?.checkpoint ?? 0;
    const read = batches(events, { after, types, eventsPerSecond, signal, name, observer });
    let next = read.next();
    let idle: Checkpoint | undefined;
    let due: Promise<typeof DUE> | undefined;
    for (;;) {
      if (idle) due ??= this.whenDue(signal);
      const got = await (idle && due ? Promise.race([next, due]) : next);
      if (got === DUE) {
        await this.commit([], idle!);
        idle = due = undefined;
        continue;
      }
      if (got.done === true) return;
      next = read.next();
      next.catch(() => undefined);
      const isDue = got.value.events.length > 0 || performance.now() - this.savedAt >= IDLE_MS;
      idle = isDue ? undefined : got.value.checkpoint;
      if (isDue) await this.take(got.value);
    }
  }

  /** What is before an event that has failed is kept, so that it fails alone. */
  private async take({ events, checkpoint }: Batch): Promise<void> {
    const began = performance.now();
    const at = events.findIndex(({ position }) => position >= this.suspect);
    if (at > 0) {
      const last = events[at - 1]!;
      const before = {
        ...checkpoint,
        through: last.position,
        last: { id: last.id, position: last.position },
      };
      await this.commit(events.slice(0, at), before);
    }
    await this.commit(at > 0 ? events.slice(at) : events, checkpoint);
    const { eventsPerSecond } = this;
    if (eventsPerSecond === undefined) return;
    const ms = (events.length / eventsPerSecond) * 1_000 - (performance.now() - began);
    if (ms > 0) await wait(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private async commit(events: readonly StoredEvent[], checkpoint: Checkpoint): Promise<void> {
    const { model, generation, observer } = this.parts;
    const { name: projection } = model;
    if (events.length === 0) await this.write(undefined, checkpoint, 0);
    else {
      const { position: from, recordedAt } = events[0]!;
      const start = () => ({
        ...{ projection, generation: generation.number, isBuilding: generation.role === 'building' },
        ...{ from, to: checkpoint.through, events: events.length, recordedAt },
        traces: () => tracesOf(events),
      });
      await observer.project(start, async (end) => {
        const applied = await this.apply(events, checkpoint);
        end(() => ({ applied, skipped: events.length - applied, failed: 0 }));
      });
    }
    observer.checkpoint(() => ({ consumer: `projection ${projection}`, through: checkpoint.through }));
    if (this.hindrances > 0) this.parts.hindered(undefined);
    this.hindrances = 0;
    this.parts.progressed(this.progress!);
  }

  /** Gives how many of the events changed a document. */
  private async apply(events: readonly StoredEvent[], checkpoint: Checkpoint): Promise<number> {
    const { model, state } = this.parts;
    const foldable = events.map((event) => model.foldable(event)).filter(({ keys }) => keys.length > 0);
    await this.documents.load(state, foldable);
    for (const event of foldable) this.documents.fold(event);
    await this.write(this.documents.changes(), checkpoint, events.length);
    return foldable.length;
  }

  private async write(
    changes: ReturnType<WriteBack['changes']> | undefined,
    checkpoint: Checkpoint,
    events: number,
  ): Promise<void> {
    const { state, lease, model, places, generation } = this.parts;
    const progress = this.advanced(checkpoint, events, changes?.added ?? 0);
    await state.transaction([lease], async (tx) => {
      const control = await readControl(tx, model.name);
      const now = control && generationIn(control, generation.number);
      if (!now || !isFed(now) || control.paused) throw new Withdrawn();
      this.eventsPerSecond = now.eventsPerSecond;
      if (changes) await this.documents.write(tx, changes);
      await writeProgress(tx, places, { ...progress, generation: generation.number });
      if (this.isTroubled) await tx.delete(places.troubles, String(generation.number));
    });
    if (changes) this.documents.settle(changes);
    this.isTroubled = false;
    this.progress = progress;
    this.savedAt = performance.now();
  }

  /** Whether a trouble is told of that this generation may be over. */
  private isTroubled = true;

  private advanced(checkpoint: Checkpoint, events: number, added: number): Progress {
    const { events: before = 0, documents = 0, rate: known = 0 } = this.progress ?? {};
    const seconds = (performance.now() - this.savedAt) / 1_000;
    const lately = this.savedAt === 0 ? 0 : events / seconds;
    const rate = Math.round(known === 0 ? lately : known * 0.8 + lately * 0.2);
    const savedAt = new Date().toISOString();
    return { checkpoint, events: before + events, documents: documents + added, rate, savedAt };
  }

  /** An event that failed in the middle of a batch is tried again as the first of one; there it has failed for good. */
  private isToBeTriedAgain(error: unknown): boolean {
    if (!(error instanceof ProjectionFailed)) return isInfrastructure(error);
    if (error.position === this.suspect) return false;
    this.suspect = error.position;
    return true;
  }

  private async hinder(error: unknown): Promise<void> {
    const reason = messageOf(error);
    if (this.hindrances++ === 0) this.parts.hindered(reason);
    await this.tell('retrying', error).catch(() => undefined);
    const ms =
      Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(this.hindrances, 20)) * (0.5 + Math.random() / 2);
    await wait(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private async faulted(error: unknown): Promise<FeedingEnd> {
    await this.tell('faulted', error).catch(() => undefined);
    return { end: 'faulted', error };
  }

  /** For those who ask from elsewhere. */
  private async tell(state: 'retrying' | 'faulted', error: unknown): Promise<void> {
    const { lease, places, generation, owner } = this.parts;
    const code = (error as { code?: unknown }).code;
    const trouble = { state, reason: messageOf(error), owner, at: new Date().toISOString() };
    this.isTroubled = true;
    await this.parts.state.transaction([lease], (tx) =>
      writeTrouble(tx, places, {
        ...trouble,
        ...(typeof code === 'string' && { code }),
        generation: generation.number,
      }),
    );
  }

  private async whenDue(signal: AbortSignal): Promise<typeof DUE> {
    await wait(IDLE_MS, undefined, { signal }).catch(() => undefined);
    return DUE;
  }
}

/** Whether events are folded into a generation. */
export function isFed({ role }: Generation): boolean {
  return role === 'live' || role === 'building';
}

/** The generation is not to be fed any more: it is dropped or retired, or its projection paused. */
class Withdrawn extends Error {}

/** A checkpoint without a document is kept no more often: events of others would otherwise cost a write each. */
const IDLE_MS = 250;
const DUE = Symbol('due');
const [SHORTEST_MS, LONGEST_MS] = [50, 5_000];

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
