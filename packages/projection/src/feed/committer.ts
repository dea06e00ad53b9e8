import { tracesOf } from '@backstory/core/observe';
import type { StoredEvent } from '@backstory/core';
import { TransactionTimedOut } from '@backstory/core/state';
import type { Checkpoint } from '@backstory/core/store';
import { readProgress, writeProgress, type Progress } from '../generation/progress.js';
import type { Batch } from './batches.js';
import { effectsOf, type Effect, type Effects, type Written } from './effects.js';
import type { FeederParts } from './feeder-parts.js';
import { ToMeet } from './meeting.js';
import type { Stuck } from './out-of-time.js';
import type { Troubles } from './troubles.js';
import { Withdrawn, requireWanted } from './withdrawn.js';

/** Folds batches into one generation, and writes what they do together with the checkpoint after them, in one fenced transaction. */
export class Committer {
  private readonly effects: Effects;
  private progress: Progress | undefined;
  private savedAt = 0;
  private isFolding = false;

  constructor(
    private readonly parts: FeederParts,
    private readonly troubles: Troubles,
    private readonly stopping: AbortSignal,
  ) {
    const { model, places, generation, state } = parts;
    this.effects = effectsOf({ model, places, generation: generation.number, state });
  }

  /** Where it folds and has committed nothing since it began. */
  get stuck(): Stuck | undefined {
    if (!this.isFolding || this.savedAt > 0) return undefined;
    return { after: this.progress?.checkpoint.through ?? 0, slowest: this.effects.slowest };
  }

  /** Events of a batch at most. */
  get most(): number {
    return this.effects.most;
  }

  /** Whether a checkpoint is to be kept though nothing is to be written with it: events of others would otherwise cost a write each. */
  get isDue(): boolean {
    return performance.now() - this.savedAt >= IDLE_MS;
  }

  /** Reads how far the generation is, and gives that. */
  async begin(): Promise<Progress | undefined> {
    const { state, places, generation, progressed } = this.parts;
    this.progress = await state.read((view) => readProgress(view, places, generation.number));
    // What is filled already is swapped although nothing more comes.
    if (this.progress) progressed(this.progress);
    return this.progress;
  }

  /** What was folded and not written counts for nothing. */
  forget(): void {
    this.effects.forget();
  }

  /**
   * Folds a batch, and writes it at its turn; what of it is to be written before the rest is folded, when that is ready.
   *
   * @throws ProjectionFailed, FenceLost, Withdrawn, ToMeet; what cannot be reached; why it was stopped between two parts
   */
  async commit(batch: Batch, turn: () => Promise<void>, ready: () => Promise<void>): Promise<void> {
    this.isFolding = batch.events.length > 0;
    if (this.isFolding) await this.project(batch, turn, ready);
    else {
      await turn();
      await this.write(undefined, batch);
    }
    const { model, observer } = this.parts;
    const { through } = batch.checkpoint;
    observer.checkpoint(() => ({ consumer: `projection ${model.name}`, through }));
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
    let done: Written | undefined;
    await observer.project(start, async (end) => {
      let waitedMs = 0;
      const comes = async (its: () => Promise<void>) => {
        const began = performance.now();
        await its().catch((error: unknown) => (before = { error }));
        waitedMs += performance.now() - began;
        return before === undefined;
      };
      done = await this.inParts({ events, checkpoint }, (isLast) => comes(isLast ? turn : ready));
      const { taken, applied } = done ?? { taken: 0, applied: 0 };
      end(() => ({ applied, skipped: taken - applied, waitedMs, isDropped: done === undefined }));
    });
    if (before) throw before.error;
    if (done!.taken < events.length) throw this.stopping.reason;
  }

  /**
   * Nearly always one part. Where documents are large, or folds or handlers take long, there are several, each of them committed
   * before the next is worked out. What is stopped ends with the part at work.
   */
  private async inParts(
    { events, checkpoint }: Batch,
    comes: (isLast: boolean) => Promise<boolean>,
  ): Promise<Written | undefined> {
    let applied = 0;
    for (let rest = events; ;) {
      const effect = await this.effects.of(rest);
      if (!(await comes(effect.taken === rest.length))) return undefined;
      const written = await this.write(effect, { events: rest, checkpoint });
      applied += written.applied;
      rest = rest.slice(written.taken);
      if (rest.length === 0 || this.stopping.aborted) return { taken: events.length - rest.length, applied };
    }
  }

  private async write(effect: Effect | undefined, batch: Batch): Promise<Written> {
    const { state, lease, model, places, generation } = this.parts;
    const most = after(effect?.taken ?? 0, batch);
    const committed = state.transaction([lease], async (tx) => {
      const { paused, meeting } = await requireWanted(tx, model.name, generation);
      if (paused) throw new Withdrawn();
      if (meeting && most.through > meeting.position) throw new ToMeet(meeting.position);
      // Before the progress: a transaction that a statement has broken then ends here, and not silently with its commit.
      const written = (await effect?.write(tx)) ?? { taken: 0, applied: 0 };
      const progress = this.advanced(after(written.taken, batch), written.taken, effect?.added ?? 0);
      await writeProgress(tx, places, { ...progress, generation: generation.number });
      await this.troubles.forget(tx);
      return { written, progress };
    });
    const { written, progress } = await committed.catch((error: unknown): never => {
      const at = error instanceof TransactionTimedOut ? effect?.underWay?.() : undefined;
      throw at === undefined ? error : new HandlerTimedOut(at, error as TransactionTimedOut);
    });
    this.troubles.over();
    this.progress = progress;
    this.savedAt = performance.now();
    this.parts.progressed(progress);
    return written;
  }

  private advanced(checkpoint: Checkpoint, events: number, added: number): Progress {
    const { events: before = 0, documents = 0, rate: known = 0 } = this.progress ?? {};
    const seconds = (performance.now() - this.savedAt) / 1_000;
    const lately = this.savedAt === 0 ? 0 : events / seconds;
    const rate = Math.round(known === 0 ? lately : known * 0.8 + lately * 0.2);
    const savedAt = new Date().toISOString();
    return { checkpoint, events: before + events, documents: documents + added, rate, savedAt };
  }
}

/** A handler was at work when the time of its transaction was over: it is tried again, and named. */
class HandlerTimedOut extends Error {
  readonly code: string;
  constructor(at: string, cause: TransactionTimedOut) {
    super(`${at}, did not end in time: ${cause.message}`, { cause });
    this.code = cause.code;
  }
}

/** The checkpoint after one of the events before another. */
export function upTo({ id, position }: StoredEvent, checkpoint: Checkpoint): Checkpoint {
  return { ...checkpoint, through: position, last: { id, position } };
}

/** The checkpoint after the first so many events of a batch. */
function after(taken: number, { events, checkpoint }: Batch): Checkpoint {
  return taken === events.length ? checkpoint : upTo(events[taken - 1]!, checkpoint);
}

/** A checkpoint without a document is kept no more often. */
export const IDLE_MS = 250;
