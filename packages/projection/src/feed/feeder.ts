import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, StateStore, StoredEvent } from '@backstory/core';
import { tracesOf, type Observer } from '@backstory/core/observe';
import { FenceLost, isInfrastructure, type HeldLease } from '@backstory/core/state';
import type { Checkpoint } from '@backstory/core/store';
import type { Model } from '../definition/projection-source.js';
import { ProjectionFailed } from '../errors.js';
import { generationIn, readControl, type Generation } from '../generation/control.js';
import type { Places } from '../generation/places.js';
import { readProgress, writeProgress, type Progress } from '../generation/progress.js';
import { batches, type Batch } from './batches.js';
import { effectsOf, type Effect, type Effects } from './effects.js';
import { Meeting, meetingIn, meetingOver } from './meeting.js';
import { DONE, Overlap } from './overlap.js';
import { Troubles, messageOf } from './troubles.js';

/** What a feeder works with. */
export interface FeederParts {
  readonly model: Model;
  readonly generation: Generation;
  readonly places: Places;
  readonly lease: HeldLease;
  readonly events: EventStore;
  readonly state: StateStore;
  readonly owner: string;
  readonly observer: Observer;
  /** Called with how far it is: as it begins, and after something was committed. */
  readonly progressed: (progress: Progress) => void;
  /** Called when it cannot reach something (`reason`), and when it can again (`undefined`). */
  readonly hindered: (reason: string | undefined) => void;
}

/** How feeding ended: it was told to, its lease or what it fed is gone, or it cannot go on by itself. */
export type FeedingEnd =
  { readonly end: 'stopped' | 'lost' } | { readonly end: 'faulted'; readonly error: unknown };

/**
 * Folds the log into one generation, as long as its lease is held: effects and checkpoint in one fenced transaction. While a batch
 * is being committed the next one is folded; it is written once that is done, and counts for nothing if that fails.
 */
export class Feeder {
  private readonly effects: Effects;
  private readonly stopping = new AbortController();
  private progress: Progress | undefined;
  private readonly commits = new Overlap();
  private readonly troubles: Troubles;
  /** An event that failed: what is before it is committed before it is tried again. */
  private suspect = Infinity;
  /** Where it is to wait for another generation, so that they can be compared. */
  private meetingAt: number | undefined;
  private hindrances = 0;
  /** As it is wanted now: a generation that was swapped in is not held back any more. */
  private eventsPerSecond: number | undefined;
  /** Ends what is being read at another pace. */
  private repaced = new AbortController();
  private savedAt = 0;

  constructor(private readonly parts: FeederParts) {
    const { model, places, generation, lease, state } = parts;
    this.eventsPerSecond = generation.eventsPerSecond;
    this.effects = effectsOf({ model, places, generation: generation.number, state });
    this.troubles = new Troubles(parts);
    lease.signal.addEventListener('abort', () => this.stopping.abort());
  }

  /** Ends it after the batch that is at work. */
  stop(): void {
    this.stopping.abort();
  }

  /** So many events a second at most, from now on. */
  setPace(eventsPerSecond: number | undefined): void {
    if (eventsPerSecond === this.eventsPerSecond) return;
    this.eventsPerSecond = eventsPerSecond;
    this.repaced.abort();
  }

  /** Feeds until it is stopped, its lease is lost, or it cannot go on. Never rejects. */
  async run(): Promise<FeedingEnd> {
    const { signal } = this.stopping;
    for (;;) {
      try {
        await this.feed();
        if (this.repaced.signal.aborted && !signal.aborted) continue;
        return { end: this.parts.lease.isHeld ? 'stopped' : 'lost' };
      } catch (error) {
        this.effects.forget();
        if (error instanceof Meeting) {
          this.meetingAt = error.position;
          continue;
        }
        if (error instanceof FenceLost || error instanceof Withdrawn) return { end: 'lost' };
        if (signal.aborted) return { end: 'stopped' };
        if (!this.isToBeTriedAgain(error)) return this.faulted(error);
        if (!(error instanceof ProjectionFailed)) await this.hinder(error);
      }
    }
  }

  private async feed(): Promise<void> {
    const reading = new AbortController();
    this.repaced = new AbortController();
    try {
      await this.feedFrom(AbortSignal.any([this.stopping.signal, this.repaced.signal, reading.signal]));
      await this.commits.done();
    } finally {
      reading.abort();
      // However it ended, nothing is under way when it begins again.
      await this.commits.done().catch(() => undefined);
    }
  }

  private async feedFrom(signal: AbortSignal): Promise<void> {
    const { state, places, generation, events, model, observer, progressed } = this.parts;
    this.progress = await state.read((view) => readProgress(view, places, generation.number));
    // What is filled already is swapped although nothing more comes.
    if (this.progress) progressed(this.progress);
    const { types } = generation;
    const { eventsPerSecond } = this;
    const name = `projection ${model.name}`;
    const after = this.progress?.checkpoint ?? 0;
    const { most } = this.effects;
    const read = batches(events, { after, types, most, eventsPerSecond, signal, name, observer });
    let next = read.next();
    let idle: Checkpoint | undefined;
    let due: Promise<typeof DUE> | undefined;
    for (;;) {
      if (idle) due ??= this.whenDue(signal);
      const { underWay } = this.commits;
      const got = await Promise.race([next, ...(idle && due ? [due] : []), ...(underWay ? [underWay] : [])]);
      if (got === DONE) {
        await this.commits.done();
        continue;
      }
      if (got === DUE) {
        await this.take({ events: [], checkpoint: idle! }, signal);
        idle = due = undefined;
        continue;
      }
      if (got.done === true) return;
      next = read.next();
      next.catch(() => undefined);
      const isDue = got.value.events.length > 0 || performance.now() - this.savedAt >= IDLE_MS;
      idle = isDue ? undefined : got.value.checkpoint;
      if (isDue) await this.take(got.value, signal);
    }
  }

  /** What is before an event that has failed is kept, so that it fails alone; and what is up to where it is to meet another. */
  private async take({ events, checkpoint }: Batch, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const { eventsPerSecond } = this;
    let rest = events;
    if (this.meetingAt !== undefined) rest = await this.meet(this.meetingAt, { events, checkpoint });
    const at = rest.findIndex(({ position }) => position >= this.suspect);
    if (at > 0) {
      await this.commit(rest.slice(0, at), upTo(rest[at - 1]!, checkpoint));
    }
    await this.commit(at > 0 ? rest.slice(at) : rest, checkpoint);
    if (eventsPerSecond === undefined) return;
    const ms = (events.length / eventsPerSecond) * 1_000 - (performance.now() - began);
    if (ms > 0) await wait(ms, undefined, { signal }).catch(() => undefined);
  }

  /** Goes as far as it is to go, waits until that is over, and gives what it has not taken. */
  private async meet(position: number, { events, checkpoint }: Batch): Promise<readonly StoredEvent[]> {
    if (checkpoint.through <= position) return events;
    const before = events.filter((it) => it.position <= position);
    if (before.length > 0) await this.commit(before, upTo(before.at(-1)!, checkpoint));
    await this.commits.done();
    const { state, model } = this.parts;
    await meetingOver(state, model.name, { position, signal: this.stopping.signal });
    this.meetingAt = undefined;
    return events.slice(before.length);
  }

  /** Resolves when the events are folded and what is before them is committed: their own commit then goes on by itself. */
  private async commit(events: readonly StoredEvent[], checkpoint: Checkpoint): Promise<void> {
    await this.commits.begin(async (turn, ready) => {
      if (events.length > 0) await this.project({ events, checkpoint }, turn, ready);
      else {
        await turn();
        await this.write(undefined, checkpoint, 0);
      }
      this.committed(checkpoint);
    });
  }

  /** A batch whose turn does not come, because the one before it fails, has done nothing and is no failure of its own. */
  private async project(
    { events, checkpoint }: Batch,
    turn: () => Promise<void>,
    ready: () => Promise<void>,
  ): Promise<void> {
    const { model, observer } = this.parts;
    const { number: generation, role } = this.parts.generation;
    const { position: from, recordedAt } = events[0]!;
    const start = () => ({
      ...{ projection: model.name, generation, isBuilding: role === 'building' },
      ...{ from, to: checkpoint.through, events: events.length, recordedAt },
      traces: () => tracesOf(events),
    });
    let before: { readonly error: unknown } | undefined;
    await observer.project(start, async (end) => {
      let waitedMs = 0;
      const comes = async (its: () => Promise<void>) => {
        const began = performance.now();
        await its().catch((error: unknown) => (before = { error }));
        waitedMs += performance.now() - began;
        return before === undefined;
      };
      const applied = await this.inParts({ events, checkpoint }, (isLast) => comes(isLast ? turn : ready));
      if (applied === undefined) end(() => ({ applied: 0, skipped: 0, waitedMs, isDropped: true }));
      else end(() => ({ applied, skipped: events.length - applied, waitedMs, isDropped: false }));
    });
    if (before) throw before.error;
  }

  /** Nearly always one part. Where documents are large there are several, each of them committed before the next is folded. */
  private async inParts(
    { events, checkpoint }: Batch,
    comes: (isLast: boolean) => Promise<boolean>,
  ): Promise<number | undefined> {
    let applied = 0;
    for (let rest = events; ;) {
      const effect = await this.effects.of(rest);
      const { taken } = effect;
      const isLast = taken === rest.length;
      if (!(await comes(isLast))) return undefined;
      await this.write(effect, isLast ? checkpoint : upTo(rest[taken - 1]!, checkpoint), taken);
      applied += effect.applied;
      if (isLast) return applied;
      rest = rest.slice(taken);
    }
  }

  private committed({ through }: Checkpoint): void {
    const { model, observer, hindered, progressed } = this.parts;
    observer.checkpoint(() => ({ consumer: `projection ${model.name}`, through }));
    if (this.hindrances > 0) hindered(undefined);
    this.hindrances = 0;
    progressed(this.progress!);
  }

  private async write(effect: Effect | undefined, checkpoint: Checkpoint, events: number): Promise<void> {
    const { state, lease, model, places, generation } = this.parts;
    const progress = this.advanced(checkpoint, events, effect?.added ?? 0);
    let pace = this.eventsPerSecond;
    await state.transaction([lease], async (tx) => {
      const control = await readControl(tx, model.name);
      const now = control && generationIn(control, generation.number);
      if (!now || !isFed(now) || control.paused) throw new Withdrawn();
      const position = await meetingIn(tx, control);
      if (position !== undefined && checkpoint.through > position) throw new Meeting(position);
      pace = now.eventsPerSecond;
      // Before the progress: a transaction that a statement has broken then ends here, and not silently with its commit.
      await effect?.write(tx);
      await writeProgress(tx, places, { ...progress, generation: generation.number });
      await this.troubles.forget(tx);
    });
    this.troubles.over();
    this.setPace(pace);
    this.progress = progress;
    this.savedAt = performance.now();
  }

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
    await this.troubles.tell('retrying', error).catch(() => undefined);
    const ms =
      Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(this.hindrances, 20)) * (0.5 + Math.random() / 2);
    await wait(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  /** Nothing goes on before it has been told: in an outage that is later, or by whoever has the lease then. */
  private async faulted(error: unknown): Promise<FeedingEnd> {
    for (;;) {
      try {
        await this.troubles.tell('faulted', error);
        return { end: 'faulted', error };
      } catch (untold) {
        if (untold instanceof FenceLost) return { end: 'lost' };
        if (this.stopping.signal.aborted) return { end: 'stopped' };
        if (!isInfrastructure(untold)) return { end: 'faulted', error };
        await wait(LONGEST_MS / 10, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
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

/** The checkpoint after one of the events before another. */
function upTo({ id, position }: StoredEvent, checkpoint: Checkpoint): Checkpoint {
  return { ...checkpoint, through: position, last: { id, position } };
}

/** A checkpoint without a document is kept no more often: events of others would otherwise cost a write each. */
const IDLE_MS = 250;
const DUE = Symbol('due');
const [SHORTEST_MS, LONGEST_MS] = [50, 5_000];
