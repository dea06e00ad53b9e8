import type { EventStore, Recorder, StateStore } from '@backstory/core';
import { guarded, type Observer } from '@backstory/core/observe';
import { FenceLost, isInfrastructure, messageOf, type LeaseHolder } from '@backstory/core/state';
import { StoreClosed, outside } from '@backstory/core/store';
import type { Condition } from './condition.js';
import { Announcements } from './announcements.js';
import { collectionsOf } from './collections.js';
import { isResumed, isStale, readControl, type Control } from './control.js';
import { Dispatcher, type DispatcherHost } from './dispatcher.js';
import { firstPosition } from './first-position.js';
import { sweeperOf } from './outcome-retention.js';
import { OnceEffects } from './once-effects.js';
import { Ownership } from './ownership.js';
import { Registration } from './registration.js';
import { Reading } from './reading.js';
import { Requests } from './requests.js';
import { Share } from './share.js';
import { stop } from './stop.js';
import type { SubscriptionDefinition } from './subscription-definition.js';
import { pause } from './pause.js';
import { waitingEvents } from './waiting-events.js';

/** What a subscription runs on. */
export interface SubscriptionParts {
  readonly events: EventStore;
  readonly state: StateStore;
  /** Of this process, for all its subscriptions. */
  readonly leases: LeaseHolder;
  readonly recorder: Recorder;
  readonly observer?: Observer;
}

/**
 * A subscription as one process runs it: it owns a share of the partitions, reads the log from where they are, has their
 * events handled, and keeps their checkpoint. Three loops: reading, keeping, and looking at what is wanted and who is there.
 */
export class Subscription {
  readonly name: string;
  private readonly dispatcher: Dispatcher;
  private readonly owned: Ownership;
  private readonly share: Share;
  private readonly registration: Registration;
  private readonly requests: Requests;
  private readonly observer: Observer;
  private readonly stopping = new AbortController();
  private readonly reading: Reading;
  private readonly told: Announcements;
  private readonly sweep: ReturnType<typeof sweeperOf>;
  private readonly collections: ReturnType<typeof collectionsOf>;
  private control: Control | undefined;
  private fault: unknown;
  private outage: string | undefined;
  private woken = new AbortController();
  private loops: Promise<unknown> = Promise.resolve();
  private stopped: Promise<boolean> | undefined;

  constructor(
    private readonly definition: SubscriptionDefinition,
    private readonly parts: SubscriptionParts,
  ) {
    this.name = definition.name;
    this.observer = guarded(parts.observer);
    this.collections = collectionsOf(this.name);
    this.dispatcher = new Dispatcher(definition, this.host(), this.observer);
    const { owner } = parts.leases;
    this.told = new Announcements({ ...parts, subscription: this.name, owner, observer: this.observer });
    this.sweep = sweeperOf(parts.state, this.collections, definition.options.keepOutcomes);
    this.requests = new Requests({
      ...{ ...parts, definition, dispatcher: this.dispatcher, collections: this.collections },
      voided: (request) => this.told.voided(request),
      replayed: (request) => this.told.replayed(request),
      replayEnded: (run) => this.told.replayEnded(run),
      failed: (error) => void this.unlessPassing(error),
      look: () => this.look(),
    });
    this.share = new Share(parts.state, parts.leases, this.name);
    this.registration = new Registration(parts.state, this.name, this.share);
    this.owned = new Ownership({
      ...parts,
      name: this.name,
      check: this.registration.check,
      dispatcher: this.dispatcher,
      accounted: definition.accounted,
      stopTimeoutMs: definition.options.stopTimeoutMs,
      joined: () => this.reading.restart(),
      lost: () => this.look(),
      failed: (error) => this.unlessPassing(error),
      saved: (through) => this.observer.checkpoint(() => ({ consumer: this.name, through })),
    });
    this.reading = new Reading({
      ...{ events: parts.events, definition, dispatcher: this.dispatcher, owned: this.owned },
      observer: this.observer,
      isHalted: () => this.fault !== undefined,
      failed: (error) => this.failed(error),
    });
  }

  /** How it is doing in this process. */
  get condition(): Condition {
    if (this.stopping.signal.aborted) return { state: 'stopping' };
    if (this.fault !== undefined) return { state: 'faulted', reason: messageOf(this.fault) };
    if (!this.control) return { state: 'starting' };
    const { paused } = this.control;
    if (paused) return { state: 'paused', by: 'operator', reason: paused.reason ?? `by ${paused.actor}` };
    if (this.outage !== undefined) return { state: 'paused', by: 'breaker', reason: this.outage };
    return { state: 'running' };
  }

  /** The partitions that this process owns. */
  get partitions(): readonly number[] {
    return this.owned.all.map(({ number }) => number).sort((a, b) => a - b);
  }

  get buffered(): { readonly events: number; readonly isFull: boolean } {
    return { events: this.dispatcher.buffered, isFull: this.dispatcher.isFull };
  }

  /** Resolves when it has its first share of the partitions, or has found out why it cannot. */
  async start(): Promise<void> {
    const start = await firstPosition(this.name, this.definition.options.from, this.parts);
    const { paused: _paused, ...control } = await this.registration.begin({
      start,
      ...this.definition.query,
      keyed: this.definition.options.key ? 'own' : 'stream',
      accounted: this.definition.accounted,
    });
    if (this.stopping.signal.aborted) return this.share.leave().catch(() => undefined);
    // That it is paused is noticed with the first look, like any time later.
    this.control = control;
    this.told.changed('started');
    await outside(() => this.run());
  }

  /** Looks at what is wanted now rather than in a while. */
  look(): void {
    this.woken.abort();
  }

  /** Keeps the checkpoint now rather than in a while. */
  async keep(): Promise<void> {
    await this.owned.save().catch((error: unknown) => this.unlessPassing(error));
  }

  /** Lets handlers end, keeps the checkpoint, and lets other processes have the partitions; `false`: they have to wait for them. */
  stop(): Promise<boolean> {
    return (this.stopped ??= this.finish());
  }

  private finish(): Promise<boolean> {
    this.stopping.abort();
    this.reading.restart();
    this.look();
    const { owned, share, dispatcher, told, loops } = this;
    return stop({ owned, share, dispatcher, told, loops });
  }

  /** Reading begins as soon as there are partitions, while the first look at what is asked of them goes on. */
  private async run(): Promise<void> {
    const looked = this.lookAround();
    const after = looked.then(() => Promise.all([this.keepAlways(), this.lookAlways()]));
    this.loops = Promise.all([this.reading.run(this.stopping.signal), after]);
    await looked;
  }

  private async keepAlways(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await pause(this.definition.options.checkpointMs, this.stopping.signal);
      await this.keep();
      // What is said of it is not waited for: the log may be away for longer than the state store.
      void this.told.flush();
      const first = this.dispatcher.partitions.get(0);
      if (first) await this.sweep(first.lease).catch((error: unknown) => this.unlessPassing(error));
    }
  }

  private async lookAlways(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await pause(this.parts.leases.ttlMs / 4, this.woken.signal);
      // What is asked for while it looks is looked at next.
      this.woken = new AbortController();
      if (!this.stopping.signal.aborted) await this.lookAround();
    }
  }

  /** Looks at what is wanted and who is there, and does what follows. */
  private async lookAround(): Promise<void> {
    const { state } = this.parts;
    try {
      const control = await state.read((view) => readControl(view, this.name));
      // What was asked in a pause comes before what goes on after it.
      if (control && isResumed(control, this.control!)) await this.requests.carryOut();
      this.obey(control ?? this.control!);
      if (await this.registration.mayGoOn(this.control!, this.fault)) this.recover();
      if (this.fault !== undefined) return await this.say();
      const stale = this.owned.all.filter((it) => !it.isClosing && isStale(it.reset, this.control!));
      await this.owned.idleFirst(stale, (some) => this.owned.restart(some, this.control!));
      const owned = this.owned.all.filter((it) => !it.isClosing);
      const { acquired, surplus } = await this.share.balance(owned.length);
      const given = owned.toSorted((a, b) => a.running - b.running).slice(0, surplus);
      await this.owned.idleFirst(given, (some) => this.owned.release(some));
      await this.owned.join(acquired, this.control!);
      const taken = acquired.filter((it) => it.isTakenOver).length;
      if (taken > 0)
        this.told.changed('taken-over', `${taken} partitions of a process that gave no sign of life`);
      await this.requests.carryOut();
      await this.say();
    } catch (error) {
      await this.unlessPassing(error);
    }
  }

  /** An outage of the stores ends by itself, or the leases are lost; what has changed hands is somebody else's. */
  private async unlessPassing(error: unknown): Promise<void> {
    const isPassing = error instanceof FenceLost || error instanceof StoreClosed || isInfrastructure(error);
    if (!isPassing) await this.failed(error);
  }

  private obey(control: Control): void {
    const before = this.control!;
    this.control = control;
    const isReset = control.reset && control.reset.id !== before.reset?.id;
    const goesOn = isResumed(control, before);
    if (this.fault !== undefined && (isReset || goesOn)) this.recover();
    if (isReset) this.dispatcher.reset();
    if (control.paused && !before.paused) {
      this.dispatcher.pause();
      this.told.changed('paused', this.condition.reason);
    }
    if (goesOn && !control.paused) {
      this.dispatcher.resume();
      this.told.changed('resumed', control.resumed?.reason);
    }
  }

  /**
   * For those who ask from elsewhere. A fault is said with every look: it could not be said in an outage, the lease under which it
   * was said may have run out in one, and partitions may have come while it failed.
   */
  private async say(): Promise<void> {
    if (this.fault !== undefined) {
      await this.owned.release(this.owned.all);
      await this.share.fail();
    }
    const { presence } = this.share;
    const { buffered, isFull } = this.dispatcher;
    const { buffer: capacity } = this.definition.options;
    if (presence) await this.told.doing(presence, this.condition, { buffered, isFull, capacity });
  }

  private recover(): void {
    this.fault = undefined;
    this.reading.restart();
    this.share.recover().catch(() => undefined);
  }

  /** It cannot go on by itself. Others may, and they are to know why this one does not. */
  private async failed(error: unknown): Promise<void> {
    if (this.stopping.signal.aborted || this.fault !== undefined) return;
    this.fault = error;
    this.told.changed('faulted', messageOf(error));
    this.reading.restart();
    await this.say().catch(() => undefined);
  }

  private host(): DispatcherHost {
    const effects = new OnceEffects(this.parts.state, this.parts.leases, this.name);
    return {
      once: (place, work) => effects.once(place, work),
      onceEach: (places, work) => effects.onceEach(places, work),
      lost: (partition) => this.owned.leave(partition),
      failed: (error) => void this.failed(error),
      waiting: (range) => waitingEvents(this.parts.events, this.definition, range),
      parked: (parked, was, leftOut) => this.told.parked(parked, was, leftOut),
      breaker: (change, reason) => {
        this.outage = change === 'open' ? reason : undefined;
        this.told.changed(change === 'open' ? 'paused' : 'resumed', reason);
        this.look();
      },
    };
  }
}
