import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, StateStore } from '@backstory/core';
import { guarded, type ConsumerChanged, type Observer } from '@backstory/core/observe';
import {
  FenceLost,
  isInfrastructure,
  type HeldLease,
  type LeaseHolder,
  messageOf,
} from '@backstory/core/state';
import { StoreClosed, outside } from '@backstory/core/store';
import type { Model } from '../definition/projection-source.js';
import { isAnother, isFed, readControl, type Control, type Generation } from '../generation/control.js';
import { evenUpTo } from '../generation/events-between.js';
import { placesOf, type Places } from '../generation/places.js';
import type { Progress } from '../generation/progress.js';
import { register } from '../generation/register.js';
import { isMadeBy } from '../generation/same-form.js';
import { swapWhenReady } from '../generation/swap.js';
import type { FeedingEnd } from './feeder-parts.js';
import { Feeder } from './feeder.js';
import { outOfTime, type OutOfTime } from './out-of-time.js';

/** What a projection runs on in a process. */
export interface RunnerParts {
  readonly model: Model;
  readonly events: EventStore;
  readonly state: StateStore;
  readonly leases: LeaseHolder;
  readonly observer?: Observer | undefined;
  /** Only this generation. */
  readonly only?: number;
  /** Called after something was committed here. */
  readonly progressed: () => void;
}

/**
 * A projection as one process runs it: it feeds the generations that its code can make, each as long as it holds their lease,
 * and looks again and again at what is wanted and what others have left.
 */
export class Runner {
  private readonly places: Places;
  private readonly observer: Observer;
  private readonly feeding = new Map<number, Feeding>();
  /** Generations at which this process has failed: others may try, and it does once somebody resumes. */
  private readonly failed = new Map<number, unknown>();
  /** Of those whose lease was lost before anything came of it: why, and how often. */
  private readonly stuck = new Map<number, OutOfTime>();
  private readonly filled = new Set<number>();
  /** Where the head was a moment ago, for each generation that is being filled. */
  private readonly heads = new Map<number, { readonly head: number; readonly at: number }>();
  private readonly stopping = new AbortController();
  private control: Control | undefined;
  private wake: () => void = () => undefined;
  private looking: Promise<void> = Promise.resolve();
  private stopped: Promise<void> | undefined;

  constructor(private readonly parts: RunnerParts) {
    this.places = placesOf(parts.model.name);
    this.observer = guarded(parts.observer);
  }

  /** Why a generation does not go on in this process. */
  get faults(): ReadonlyMap<number, unknown> {
    return this.failed;
  }

  /** The generations that this process feeds. */
  get fed(): readonly number[] {
    return [...this.feeding.keys()];
  }

  /** Resolves when it feeds what nobody else does. @throws ProjectionChanged, StoreUnavailable … */
  async start(): Promise<void> {
    const { state, model } = this.parts;
    const { control, begun } = await register(state, model);
    // That it is paused is noticed with the first look, like any time later.
    const { paused: _paused, ...rest } = control;
    this.control = rest;
    if (begun) this.announce(begun.number, 'created');
    this.tell('started');
    await outside(() => this.lookAround());
    this.looking = outside(() => this.lookAlways());
  }

  /** Looks at what is wanted now rather than in a while. */
  look(): void {
    this.wake();
  }

  /** Ends the batches at work, and lets other processes go on. */
  stop(): Promise<void> {
    return (this.stopped ??= this.finish());
  }

  private async finish(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.looking;
    for (const { feeder } of this.feeding.values()) feeder.stop();
    await Promise.all([...this.feeding.values()].map(({ done }) => done));
    this.tell('stopped');
  }

  private async lookAlways(): Promise<void> {
    const { signal } = this.stopping;
    for (let due = this.nextLook(); !signal.aborted;) {
      await due;
      // What is asked for while it looks around is seen right after that.
      due = this.nextLook();
      if (!signal.aborted) await this.lookAround();
    }
    this.wake();
  }

  /** Resolves when it is time to look again, or somebody asks for it. */
  private nextLook(): Promise<unknown> {
    const asked = new AbortController();
    this.wake = () => asked.abort();
    return wait(this.parts.leases.ttlMs / 4, undefined, { signal: asked.signal }).catch(() => undefined);
  }

  private async lookAround(): Promise<void> {
    const { only } = this.parts;
    try {
      const control = await this.known();
      if (!control) return;
      this.obey(control);
      const wanted = control.paused ? [] : control.generations.filter((it) => this.isMine(it));
      for (const { feeder, generation } of this.feeding.values())
        if (!wanted.some((it) => isSame(it, generation))) feeder.stop();
      for (const generation of wanted) {
        this.feeding.get(generation.number)?.feeder.setPace(generation.eventsPerSecond);
        if (only === undefined || only === generation.number) await this.take(generation);
      }
      for (const generation of wanted) await this.lookAt(generation);
    } catch (error) {
      const isPassing = error instanceof FenceLost || error instanceof StoreClosed || isInfrastructure(error);
      if (!isPassing) this.tell('faulted', messageOf(error));
    }
  }

  /** What there is. What the state store has lost, as where its database was made anew, is begun anew, as at a start. */
  private async known(): Promise<Control | undefined> {
    const { state, model, only } = this.parts;
    const found = await state.read((view) => readControl(view, model.name));
    if (only !== undefined || (found && !(this.control && isAnother(found, this.control)))) return found;
    this.failed.clear();
    this.filled.clear();
    this.heads.clear();
    const { control, begun } = await register(state, model);
    if (begun) this.announce(begun.number, 'created');
    return control;
  }

  private isMine(generation: Generation): boolean {
    return isFed(generation) && isMadeBy(this.parts.model, generation);
  }

  private obey(control: Control): void {
    const before = this.control;
    this.control = control;
    const [last, known] = [control.resumed, before?.resumed];
    const isResumed = last?.id !== known?.id || last?.at !== known?.at;
    if (control.paused && !before?.paused)
      this.tell('paused', control.paused.reason ?? `by ${control.paused.actor}`);
    if (!isResumed || control.paused) return;
    this.failed.clear();
    this.tell('resumed', control.resumed?.reason);
  }

  /** Feeds a generation that nobody else feeds. */
  private async take(generation: Generation): Promise<void> {
    const { number } = generation;
    if (this.feeding.has(number) || this.failed.has(number)) return;
    const { state, leases } = this.parts;
    const name = this.places.lease(number);
    const left = (await state.leases(name)).find((it) => it.name === name);
    const lease = await leases.acquire(name);
    if (!lease) return;
    if (left && left.owner !== leases.owner)
      this.tell('taken-over', `generation ${number}, of a process that gave no sign of life`);
    this.feed(generation, lease);
  }

  private feed(generation: Generation, lease: HeldLease): void {
    const { model, events, state, leases, progressed } = this.parts;
    const feeding: Partial<Feeding> = {};
    const feeder = new Feeder({
      ...{ model, generation, places: this.places, lease, events, state },
      owner: leases.owner,
      observer: this.observer,
      trouble: this.stuck.get(generation.number),
      progressed: (progress) => {
        feeding.progress = progress;
        progressed();
      },
      hindered: (reason) => this.tell(reason === undefined ? 'resumed' : 'paused', reason),
    });
    const done = outside(() => feeder.run()).then((end) => this.ended(generation.number, lease, end));
    this.feeding.set(generation.number, Object.assign(feeding, { generation, feeder, done }));
  }

  private async ended(number: number, lease: HeldLease, ending: FeedingEnd): Promise<void> {
    this.feeding.delete(number);
    const before = this.stuck.get(number);
    this.stuck.delete(number);
    if (ending.end === 'lost' && ending.stuck)
      this.stuck.set(number, outOfTime(ending.stuck, this.parts.leases.ttlMs, before));
    if (ending.end === 'faulted') {
      this.failed.set(number, ending.error);
      this.tell('faulted', messageOf(ending.error));
    }
    await this.parts.leases.release(lease).catch(() => undefined);
    if (ending.end === 'lost') this.look();
  }

  /** Says once that a new generation has come to the head, and has it take its place where that is wanted. */
  private async lookAt(generation: Generation): Promise<void> {
    const { number, role, swaps } = generation;
    const progress = this.feeding.get(number)?.progress;
    if (role !== 'building' || !progress) return;
    const { model, only } = this.parts;
    if (!this.filled.has(number)) {
      if (!(await this.isAtHead(generation, progress))) return;
      this.filled.add(number);
      this.announce(number, 'filled');
    }
    // Whoever fills only one is asked for that alone, and may be comparing it.
    if (swaps !== true || only !== undefined) return;
    if (!(await swapWhenReady(this.parts, model.name, number))) return;
    this.announce(number, 'swapped');
    this.look();
  }

  /** Where events come without end it is always a little behind: to have come to where the head was a moment ago is enough. */
  private async isAtHead({ number, types }: Generation, { checkpoint }: Progress): Promise<boolean> {
    const { events } = this.parts;
    const { head } = await events.identity();
    const known = this.heads.get(number) ?? { head, at: performance.now() };
    const upTo = known.head;
    if ((await evenUpTo(events, types, { after: checkpoint.through, upTo })) >= upTo) return true;
    const isOld = performance.now() - known.at > MOMENT_MS;
    this.heads.set(number, isOld ? { head, at: performance.now() } : known);
    return false;
  }

  private tell(change: ConsumerChanged['change'], reason?: string): void {
    this.observer.consumer(() => ({ consumer: `projection ${this.parts.model.name}`, change, reason }));
  }

  private announce(generation: number, change: 'created' | 'filled' | 'swapped'): void {
    this.observer.generation(() => ({ projection: this.parts.model.name, generation, change }));
  }
}

/** Whether they are one, and not another one that was given the number after that was lost. */
function isSame(a: Generation, b: Generation): boolean {
  return a.number === b.number && a.createdAt === b.createdAt;
}

const MOMENT_MS = 2_000;

interface Feeding {
  readonly generation: Generation;
  readonly feeder: Feeder;
  readonly done: Promise<void>;
  progress?: Progress;
}
