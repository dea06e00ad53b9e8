import type { AggregateModel } from '@backstory/aggregate';
import { idOf, type EventStore, type StoredEvent } from '@backstory/core';
import { UnstorableValue, type FieldType, type Json } from '@backstory/events';
import { restoreProblem } from '@backstory/repository';
import { Checkpoints, stateIn } from './checkpoints.js';
import { UnreadableState } from './errors.js';
import { LiveState } from './live-state.js';
import { Pace, type CursorWait } from './pace.js';
import { ONLY_FOLDED } from './stream-fold.js';

/** A state, or what keeps it from being known. */
export type Found = { readonly state: Json } | CursorFailure;

/** The version that cannot be folded or shown, and why. */
export interface CursorFailure {
  readonly version: number;
  readonly error: Error;
}

/**
 * A fold of one stream that can go back. On its way it keeps the state here and there, where a model restored from it has
 * the identical state; going back begins at the nearest of these.
 */
export class RewindableFold {
  private readonly checkpoints = new Checkpoints();
  private readonly liveState: LiveState;
  private live: Live;
  private told: { readonly version: number; readonly found: Found } | undefined;

  constructor(
    private readonly store: EventStore,
    readonly model: AggregateModel<object>,
    private readonly stream: string,
  ) {
    this.live = this.begin();
    this.liveState = LiveState.of(model);
  }

  /** What the states are declared to be. */
  get type(): FieldType {
    return this.model.type;
  }

  /** The state after a version. */
  async stateAt(version: number, wait: CursorWait): Promise<Found> {
    if (this.told?.version !== version) {
      const from = this.seek(version);
      const failure = await this.foldTo(version, new Pace(wait, from));
      this.told = { version, found: failure ?? this.stateNow() };
    }
    const { found } = this.told;
    // A copy: what the caller does to it is no history.
    return 'state' in found ? { state: structuredClone(found.state) } : found;
  }

  /** The state after a version as values, which change when it goes on. @throws what folding throws */
  async valueAt(version: number, wait: CursorWait): Promise<unknown> {
    this.told = undefined;
    const failure = await this.foldTo(version, new Pace(wait, this.seek(version)));
    if (failure) throw failure.error;
    return this.model.value(this.live.aggregate);
  }

  /**
   * The states after each version of a stretch, beginning with that after `from`; `undefined` for one that cannot be shown.
   *
   * @throws what folding throws
   */
  async *states({ from, to, pace }: Stretch): AsyncGenerator<{ version: number; state: Json | undefined }> {
    this.seek(from);
    const failure = await this.foldTo(from, pace);
    if (failure) throw failure.error;
    yield { version: from, state: stateIfAny(this.stateNow()) };
    for await (const { events } of this.store.readStream(this.stream, { after: from, upTo: to })) {
      for (const event of events) {
        this.fold([event]);
        yield { version: event.version, state: stateIfAny(this.stateNow()) };
        await pace.at(event.version, to);
      }
    }
  }

  /** The same as live values, each with the event that led to it. @throws what folding throws */
  async *values({ from, to, pace }: Stretch): AsyncGenerator<Passed> {
    this.told = undefined;
    this.seek(from);
    const failure = await this.foldTo(from, pace);
    if (failure) throw failure.error;
    const value = () => this.model.value(this.live.aggregate);
    yield { version: from, value: value(), event: null };
    for await (const { events } of this.store.readStream(this.stream, { after: from, upTo: to })) {
      for (const event of events) {
        this.fold([event]);
        yield { version: event.version, value: value(), event };
        await pace.at(event.version, to);
      }
    }
  }

  /** A version before this one at which the state is kept; 0 where there is none. */
  keptBefore(version: number): number {
    return this.checkpoints.upTo(version - 1)?.version ?? 0;
  }

  /** Goes back, or ahead to a state that is kept, as near before a version as it can; gives the version it is at. */
  private seek(version: number): number {
    const kept = this.checkpoints.upTo(version);
    const { live } = this;
    if (live.version > version || live.version < (kept?.version ?? 0))
      this.live = kept ? { ...kept, aggregate: this.restored(kept.position, kept) } : this.begin();
    return this.live.version;
  }

  private async foldTo(version: number, pace: Pace, most = Infinity): Promise<CursorFailure | undefined> {
    let atOnce = 1;
    const slice = { after: this.live.version, upTo: version };
    if (slice.after >= version) return undefined;
    for await (const { events } of this.store.readStream(this.stream, slice)) {
      for (let rest = events; rest.length > 0;) {
        const began = this.live.version;
        const part = rest.slice(0, Math.min(atOnce, most, this.checkpoints.after(began) - began));
        const since = performance.now();
        const failure = await this.foldPart(part, began, pace);
        if (failure) return failure;
        // Slow handlers leave others their turn after a few events, quick ones lose no time to it.
        atOnce = performance.now() - since > PART_MS ? Math.max(1, atOnce >> 1) : Math.min(atOnce * 2, 1_024);
        rest = rest.slice(part.length);
        await pace.at(this.live.version, version);
      }
    }
    return undefined;
  }

  private async foldPart(
    part: readonly StoredEvent[],
    began: number,
    pace: Pace,
  ): Promise<CursorFailure | undefined> {
    try {
      this.fold(part);
      return undefined;
    } catch (error) {
      if (part.length === 1) return { version: began + 1, error: error as Error };
      // Which one? Another instance is brought there to find out.
      this.seek(began);
      return this.foldTo(part.at(-1)!.version, pace, 1);
    }
  }

  private fold(events: readonly StoredEvent[]): void {
    const { aggregate } = this.live;
    try {
      this.model.fold(aggregate, events);
    } catch (error) {
      // It is of no use any more.
      this.live = this.begin();
      throw error;
    }
    const { version, position, type } = events.at(-1)!;
    this.live = { version, position, type, aggregate };
    if (this.checkpoints.wants(version)) this.keep();
  }

  private keep(): void {
    const found = this.stateNow();
    if (!('state' in found)) return;
    const { version, position } = this.live;
    const text = JSON.stringify(found.state);
    try {
      const again = this.restored(position, { version, text });
      if (restoreProblem(this.model, this.live.aggregate, again) === undefined)
        this.checkpoints.keep({ version, position, text });
    } catch {
      // A state that cannot be restored is folded again instead.
    }
  }

  private restored(position: number, kept: { readonly version: number; readonly text: string }): object {
    const at = { version: kept.version, position, ...ONLY_FOLDED };
    return this.model.restore(idOf(this.stream), stateIn(kept), at);
  }

  private stateNow(): Found {
    const { aggregate, version, type } = this.live;
    try {
      return { state: this.liveState.read(this.model.value(aggregate)) };
    } catch (cause) {
      if (!(cause instanceof UnstorableValue)) throw cause;
      return { version, error: new UnreadableState(this.stream, version, type, cause) };
    }
  }

  private begin(): Live {
    return { version: 0, position: 0, aggregate: this.model.create(idOf(this.stream), ONLY_FOLDED) };
  }
}

/** A part of the history: after `from`, where the state is asked for as well, and up to `to`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly pace: Pace;
}

/** A version that a fold came by. */
export interface Passed {
  readonly version: number;
  /** Of the live aggregate. */
  readonly value: unknown;
  /** `null` for the version it began with. */
  readonly event: StoredEvent | null;
}

/** How long a part that is folded without a pause may take. */
const PART_MS = 20;

interface Live {
  readonly version: number;
  readonly position: number;
  /** Of the last event folded. */
  readonly type?: string;
  readonly aggregate: object;
}

function stateIfAny(found: Found): Json | undefined {
  return 'state' in found ? found.state : undefined;
}
