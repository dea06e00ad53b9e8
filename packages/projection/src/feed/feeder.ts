import { setTimeout as wait } from 'node:timers/promises';
import type { StoredEvent } from '@backstory/core';
import { FenceLost, isInfrastructure } from '@backstory/core/state';
import type { Checkpoint } from '@backstory/core/store';
import { ProjectionFailed } from '../errors.js';
import { batches, type Batch } from './batches.js';
import { Committer, IDLE_MS, upTo } from './committer.js';
import type { FeederParts, FeedingEnd } from './feeder-parts.js';
import { ToMeet, meetingOver } from './meeting.js';
import type { OutOfTime } from './out-of-time.js';
import { DONE, Overlap } from './overlap.js';
import { Suspicion } from './suspicion.js';
import { Troubles } from './troubles.js';
import { Withdrawn } from './withdrawn.js';

/**
 * Folds the log into one generation, as long as its lease is held. While a batch is being committed the next one is folded; it is
 * written once that is done, and counts for nothing if that fails.
 */
export class Feeder {
  private readonly committer: Committer;
  private readonly stopping = new AbortController();
  private readonly commits = new Overlap();
  private readonly troubles: Troubles;
  private readonly suspicion = new Suspicion();
  /** Where it is to wait for another generation, so that they can be compared. */
  private meetingAt: number | undefined;
  /** As it is wanted now: a generation that was swapped in is not held back any more. */
  private eventsPerSecond: number | undefined;
  /** Ends what is being read at another pace. */
  private repaced = new AbortController();

  constructor(private readonly parts: FeederParts) {
    const { generation, lease } = parts;
    this.eventsPerSecond = generation.eventsPerSecond;
    this.troubles = new Troubles(parts);
    this.committer = new Committer(parts, this.troubles, this.stopping.signal);
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
    const { lease, trouble } = this.parts;
    if (trouble) await this.waitOut(trouble);
    for (;;) {
      try {
        await this.feed();
        if (this.repaced.signal.aborted && !signal.aborted) continue;
        return { end: lease.isHeld ? 'stopped' : 'lost' };
      } catch (error) {
        this.committer.forget();
        if (error instanceof ToMeet) {
          this.meetingAt = error.position;
          continue;
        }
        if (error instanceof FenceLost || error instanceof Withdrawn) return this.lost();
        if (signal.aborted) return { end: lease.isHeld ? 'stopped' : 'lost' };
        const isTriedAgain =
          error instanceof ProjectionFailed
            ? this.suspicion.isToBeTriedAgain(error)
            : isInfrastructure(error);
        if (!isTriedAgain) return this.troubles.fault(error, signal);
        if (!(error instanceof ProjectionFailed)) await this.troubles.hinder(error, signal);
      }
    }
  }

  private lost(): FeedingEnd {
    const { stuck } = this.committer;
    return { end: 'lost', ...(stuck && !this.parts.lease.isHeld && { stuck }) };
  }

  /** Under the lease: another process would fare no better, and only be kept busy as well. */
  private async waitOut({ reason, waitMs }: OutOfTime): Promise<void> {
    await this.troubles.tell(new Error(reason));
    await wait(waitMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
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
    const { generation, events, model, observer } = this.parts;
    const { eventsPerSecond, committer } = this;
    const after = (await committer.begin())?.checkpoint ?? 0;
    const [{ types }, { most }, name] = [generation, committer, `projection ${model.name}`];
    const read = batches(events, { after, types, most, eventsPerSecond, signal, name, observer });
    let next = read.next();
    let idle: Checkpoint | undefined;
    let due: Promise<typeof DUE> | undefined;
    for (;;) {
      if (idle) due ??= whenDue(signal);
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
      const isDue = got.value.events.length > 0 || committer.isDue;
      idle = isDue ? undefined : got.value.checkpoint;
      if (isDue) await this.take(got.value, signal);
    }
  }

  /** What is up to where it is to meet another is kept, and what is before an event that has failed. */
  private async take({ events, checkpoint }: Batch, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const { eventsPerSecond } = this;
    let rest = events;
    if (this.meetingAt !== undefined) rest = await this.meet(this.meetingAt, { events, checkpoint });
    const pieces = this.suspicion.pieces(rest);
    for (const piece of pieces)
      await this.commit(piece, piece === pieces.at(-1) ? checkpoint : upTo(piece.at(-1)!, checkpoint));
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
    await this.commits.begin((turn, ready) =>
      this.suspicion.watch(events, this.committer.commit({ events, checkpoint }, turn, ready)),
    );
  }
}

async function whenDue(signal: AbortSignal): Promise<typeof DUE> {
  await wait(IDLE_MS, undefined, { signal }).catch(() => undefined);
  return DUE;
}

const DUE = Symbol('due');
