import os from 'node:os';
import type { Recorder, StateStore } from '@backstory/core';
import type { ConsumerChanged, Observer } from '@backstory/core/observe';
import type { HeldLease } from '@backstory/core/state';
import { collectionsOf } from './collections.js';
import type { Condition } from './condition.js';
import { writeMember, type Member } from './member.js';
import type { LeftOut } from './left-out.js';
import type { ParkedKey } from './parked-key.js';
import type { ParkedRequest } from './request.js';
import type { ReplayRequest } from './replay-request.js';
import type { ReplayRun } from './replays.js';
import { SystemEvents } from './system-events.js';

/** What announcements need. */
export interface AnnouncementsParts {
  readonly subscription: string;
  readonly owner: string;
  readonly state: StateStore;
  readonly recorder: Recorder;
  readonly observer: Observer;
}

/** Tells what happens to a subscription: to the observer, on its system stream, and to those who ask from elsewhere. */
export class Announcements {
  private readonly system: SystemEvents;
  private readonly collections: ReturnType<typeof collectionsOf>;
  private said = '';
  private condition = '';
  private since = '';

  constructor(private readonly parts: AnnouncementsParts) {
    this.system = new SystemEvents(parts.recorder, parts.subscription);
    this.collections = collectionsOf(parts.subscription);
  }

  /** It is in another state than before. */
  changed(change: Exclude<ConsumerChanged['change'], 'stopped'>, reason?: string): void {
    const { subscription: consumer, owner, observer } = this.parts;
    observer.consumer(() => ({ consumer, change, reason }));
    this.system.note(`subscription.${change}`, { owner, ...(reason !== undefined && { reason }) });
  }

  /** It has stopped: nothing is told after that. What of it could not be recorded is told as well. */
  async stopped(why: readonly string[]): Promise<void> {
    const { subscription: consumer, owner, observer } = this.parts;
    this.system.note('subscription.stopped', { owner, ...(why.length > 0 && { reason: why.join('; ') }) });
    const unrecorded = await this.system.close();
    const reasons = unrecorded === undefined ? why : [...why, unrecorded];
    const reason = reasons.length > 0 ? reasons.join('; ') : undefined;
    observer.consumer(() => ({ consumer, change: 'stopped', reason }));
  }

  /** A key was parked, goes on, or is released. Decisions are recorded, attempts are not. */
  parked(parked: ParkedKey | undefined, was: ParkedKey | undefined, leftOut?: LeftOut['action']): void {
    const { subscription, observer } = this.parts;
    const about = (parked ?? was)!;
    const { handler, key, eventId, eventType, reason, error, flow } = about;
    const state = parked?.state ?? 'released';
    if (state === 'dead' || was?.state === 'dead') this.note(state, about);
    observer.park(() => ({
      ...{ subscription, handler, key, eventId, eventType, reason, state, was: was?.state },
      ...{ error: error.message, errorType: error.code ?? error.name },
      ...(leftOut && { leftOut }),
      ...(flow && { flow }),
    }));
  }

  /** What somebody asked for is of no effect. */
  voided({ action, key, position, actor, at }: ParkedRequest): void {
    this.system.note('subscription.request-void', { action, key, position, at }, actor);
  }

  /** One partition's part of a replay is done. */
  replayed({ id, partition, handled, failed, again, actor }: ReplayRequest): void {
    const { subscription: consumer, observer } = this.parts;
    const reason = `${handled} events of partition ${partition} handled again, ${failed} failed`;
    observer.consumer(() => ({ consumer, change: 'replayed', reason }));
    this.system.note('subscription.replayed', { id, partition, handled, failed, again, actor });
  }

  /** So are those of all partitions that this process owns. */
  replayEnded({ id, handled, failed }: ReplayRun): void {
    const { subscription, observer } = this.parts;
    observer.replay(() => ({ subscription, run: id, handled, failed }));
  }

  /** How it is doing in this process, said under the lease by which it shows that it is there; only what is new. */
  async doing(
    { lease, place }: { readonly lease: HeldLease; readonly place: string },
    condition: Condition,
    buffer: Required<Pick<Member, 'buffered' | 'isFull' | 'capacity'>>,
  ): Promise<void> {
    const { state, owner } = this.parts;
    const said = JSON.stringify([lease.name, lease.token, condition, buffer]);
    if (said === this.said) return;
    const now = JSON.stringify(condition);
    if (now !== this.condition) this.since = new Date().toISOString();
    this.condition = now;
    const whence = { owner, host: os.hostname(), pid: process.pid, since: this.since };
    const member: Member = { ...condition, ...whence, ...buffer };
    await writeMember(state, this.collections, { lease, place, member });
    this.said = said;
  }

  /** Records on the system stream what was told. */
  flush(): Promise<void> {
    return this.system.flush();
  }

  private note(state: string, parked: ParkedKey): void {
    const type = state === 'dead' ? 'subscription.key-parked' : 'subscription.key-released';
    const { key, eventId, eventType, handler, attempts, reason, error } = parked;
    const what = { state, key, eventId, eventType, handler, attempts, reason };
    this.system.note(type, { ...what, error: `${error.name}: ${error.message}` });
  }
}
