import { readRecorded, type EventStore, type RecordedEvent, type StreamSlice } from '@backstory/core';
import type { FieldType, Json } from '@backstory/events';
import { VersionOutOfRange } from '@backstory/repository';
import { Expression } from '@backstory/router/filter';
import { beginnings, changesIn, firstOf, lastOf } from './cursor-search.js';
import { changesBetween, type Change } from './changes.js';
import { NoAggregate } from './errors.js';
import { Pace, type CursorWait } from './pace.js';
import { RewindableFold, type CursorFailure, type Found } from './rewindable-fold.js';
import { headOf, modelFor, versionAt, type ReplaySource } from './stream-fold.js';
import { StateQuestion, refuseUnseen } from './state-question.js';
import { readStatePath } from './state-path.js';

/** What a stream was at one version, and what the event of that version did. */
export interface CursorStep {
  /** 0: before the first event. */
  readonly version: number;
  /** As it was recorded; `null` at version 0, and where it cannot be read. */
  readonly event: RecordedEvent | null;
  /** `undefined` at version 0, and where it is not known. */
  readonly before: Json | undefined;
  /** `undefined` where it is not known, for the reason that `failure` gives. */
  readonly state: Json | undefined;
  /** `null` where the state before or after is not known. */
  readonly changes: readonly Change[] | null;
  /** Why the state is not known: which version cannot be folded or shown. For a stream that no aggregate folds it is 0. */
  readonly failure: CursorFailure | null;
}

/**
 * A place in the history of a stream that moves forwards and back. The states are those that `history` gives.
 *
 * It reads what it is asked for and no more, and keeps the state at versions far apart (at most 256 of them, in at most
 * 32 MB of text), so that going back folds a few hundred events again rather than the whole stream. An event that cannot be
 * folded is no error here but part of a step: one may look at every version before it, and at every event after it.
 */
export class ReplayCursor {
  /** Calls are answered one after another. */
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly store: EventStore,
    readonly stream: string,
    private lastVersion: number,
    private readonly fold: RewindableFold | NoAggregate,
  ) {}

  /**
   * Reads how long the stream is, and nothing else.
   *
   * @throws StreamNotFound
   */
  static async open({ events, aggregates }: ReplaySource, stream: string): Promise<ReplayCursor> {
    const head = await headOf(events, stream);
    return new ReplayCursor(events, stream, head, foldOf({ events, aggregates }, stream));
  }

  /** The last version, as of the last look. */
  get head(): number {
    return this.lastVersion;
  }

  /** Why the states of this stream are not known at any version; `null` where an aggregate folds it. */
  get eventsOnly(): NoAggregate | null {
    return this.fold instanceof NoAggregate ? this.fold : null;
  }

  /** What the states are declared to be, by which paths are understood; `undefined` where no aggregate folds the stream. */
  get type(): FieldType | undefined {
    return this.fold instanceof NoAggregate ? undefined : this.fold.type;
  }

  /** Looks again how long the stream is. */
  refresh(): Promise<number> {
    return this.next(async () => (this.lastVersion = await headOf(this.store, this.stream)));
  }

  /**
   * The step at a version.
   *
   * @throws VersionOutOfRange
   */
  at(version: number, wait: CursorWait = {}): Promise<CursorStep> {
    return this.next(async () => {
      this.checkVersion(version);
      if (version === 0) return this.step(0, null, null, await this.stateAt(0, wait));
      // In this order: what is folded is left at the later version, from where the next step goes on.
      const before = await this.stateAt(version - 1, wait);
      const after = await this.stateAt(version, wait);
      return this.step(version, await this.eventAt(version), before, after);
    });
  }

  /** The last version recorded no later than an instant; 0 when nothing had happened yet. */
  versionAt(at: Date): Promise<number> {
    return this.next(() => versionAt(this.store, this.stream, { at, upTo: this.lastVersion }));
  }

  /**
   * The first version after this one that changed the value at one of the paths; `undefined` when none did.
   *
   * @throws InvalidQuery for what is no path; what folding throws where the history in between cannot be folded
   */
  nextChange(paths: readonly string[], after: number, wait: CursorWait = {}): Promise<number | undefined> {
    return this.next(async () => {
      const fold = this.checkedFold(paths, after);
      return firstOf(
        changesIn(fold, paths, { from: after, to: this.lastVersion, pace: new Pace(wait, after) }),
      );
    });
  }

  /**
   * The last version before this one that changed the value at one of the paths; `undefined` when none did.
   *
   * @throws InvalidQuery for what is no path; what folding throws where the history in between cannot be folded
   */
  previousChange(
    paths: readonly string[],
    before: number,
    wait: CursorWait = {},
  ): Promise<number | undefined> {
    return this.next(async () => {
      const fold = this.checkedFold(paths, before);
      const turn = { at: performance.now() };
      // From one kept state to the next, the latest part of the history first.
      for (let to = before - 1; to > 0;) {
        const from = fold.keptBefore(to);
        const onProgress = (done: number) => wait.onProgress?.(before - to + done, before);
        const pace = new Pace({ ...wait, onProgress }, from, turn);
        const found = await lastOf(changesIn(fold, paths, { from, to, pace }));
        if (found !== undefined) return found;
        to = from;
      }
      return undefined;
    });
  }

  /**
   * The first version after this one at which an expression begins to hold for the state; `undefined` where it does at none.
   *
   * @throws InvalidExpression; NoSuchPath when it holds at none and names a property that no state had; what folding throws where the
   * history in between cannot be folded
   */
  nextWhere(where: string, after: number, wait: CursorWait = {}): Promise<number | undefined> {
    return this.next(async () => {
      const { stream, lastVersion: head } = this;
      const expression = Expression.of(where);
      const fold = this.checkedFold([], after);
      const question = new StateQuestion(expression, fold.model, stream);
      const found = await firstOf(beginnings(fold, question, { stream, from: after, to: head, wait }));
      if (found !== undefined || question.unseen.size === 0) return found;
      // What is misspelt no state had, the earlier ones included.
      for await (const _ of beginnings(fold, question, { stream, from: 0, to: after, wait }));
      refuseUnseen({ stream, head }, question.unseen, fold.model);
      return undefined;
    });
  }

  /**
   * The first version after this one whose event has a text in its type, data or metadata, as they are recorded, in capitals or not;
   * `undefined` where none has.
   */
  nextText(text: string, after: number, wait: CursorWait = {}): Promise<number | undefined> {
    return this.next(() => {
      this.checkVersion(after);
      const pace = new Pace(wait, after);
      return this.withText(text, { after, upTo: this.lastVersion }, (version) =>
        pace.at(version, this.lastVersion),
      );
    });
  }

  /** The last version before this one whose event has it; see {@link nextText}. */
  previousText(text: string, before: number, wait: CursorWait = {}): Promise<number | undefined> {
    return this.next(() => {
      this.checkVersion(before);
      const pace = new Pace(wait, 0);
      const slice = { upTo: Math.max(0, before - 1), backwards: true };
      return this.withText(text, slice, (version) => pace.at(before - version, before));
    });
  }

  private async withText(
    text: string,
    slice: StreamSlice,
    breathe: (version: number) => Promise<void>,
  ): Promise<number | undefined> {
    const sought = text.toLowerCase();
    for await (const { events } of this.store.readStream(this.stream, slice))
      for (const { version, type, data, metadata } of events) {
        if ([type, data, metadata].some((it) => it.toLowerCase().includes(sought))) return version;
        await breathe(version);
      }
    return undefined;
  }

  private checkVersion(version: number): void {
    if (!(Number.isSafeInteger(version) && version >= 0 && version <= this.lastVersion))
      throw new VersionOutOfRange(this.stream, version, this.lastVersion);
  }

  private checkedFold(paths: readonly string[], version: number): RewindableFold {
    this.checkVersion(version);
    for (const path of paths) readStatePath(path);
    if (this.fold instanceof NoAggregate) throw this.fold;
    return this.fold;
  }

  private async stateAt(version: number, wait: CursorWait): Promise<Found> {
    if (this.fold instanceof NoAggregate) return { version: 0, error: this.fold };
    return this.fold.stateAt(version, wait);
  }

  private step(
    version: number,
    found: RecordedEvent | Error | null,
    before: Found | null,
    after: Found,
  ): CursorStep {
    const unreadable = found instanceof Error ? { version, error: found } : null;
    return {
      version,
      event: unreadable ? null : (found as RecordedEvent | null),
      before: before && 'state' in before ? before.state : undefined,
      state: 'state' in after ? after.state : undefined,
      changes: changesOf(before, after, this.type),
      failure: 'state' in after ? unreadable : after,
    };
  }

  private async eventAt(version: number): Promise<RecordedEvent | Error> {
    const slice = { after: version - 1, upTo: version };
    for await (const { events } of this.store.readStream(this.stream, slice)) {
      if (!events[0]) continue;
      try {
        return readRecorded(events[0]);
      } catch (error) {
        return error as Error;
      }
    }
    throw new VersionOutOfRange(this.stream, version, this.lastVersion);
  }

  private next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

function foldOf(source: ReplaySource, stream: string): RewindableFold | NoAggregate {
  try {
    return new RewindableFold(source.events, modelFor(source.aggregates, stream), stream);
  } catch (error) {
    if (error instanceof NoAggregate) return error;
    throw error;
  }
}

function changesOf(before: Found | null, after: Found, type: FieldType | undefined): CursorStep['changes'] {
  if (before === null) return [];
  return 'state' in before && 'state' in after ? changesBetween(before.state, after.state, type) : null;
}
