import { Context, newId, type EventStore, type Recorder, type StateStore } from '@backstory/core';
import {
  ASKING,
  ActionNotRecorded,
  checkAskedBy,
  wishOf,
  type AskedBy,
  type Wish,
} from '@backstory/core/administration';
import { guarded, type GenerationChanged, type Observer } from '@backstory/core/observe';
import { messageOf } from '@backstory/core/state';
import { knownOptions } from '@backstory/core/store';
import { ProjectionNotFound, GenerationUnusable } from './errors.js';
import {
  REBUILDING,
  WHICH,
  comparisonOf,
  whichOne,
  type RebuildOptions,
  type VerifyOptions,
  type Which,
} from './admin-options.js';
import type { Model } from './definition/projection-source.js';
import { writeControl, type Control, type Generation } from './generation/control.js';
import { drop } from './generation/drop.js';
import type { Fed } from './generation/feeders.js';
import { filled, type FilledOptions } from './generation/filled.js';
import { placesOf } from './generation/places.js';
import { rebuild } from './generation/rebuild.js';
import { requireControl, type Stores } from './generation/generations.js';
import { rollBack, swap, type Swapped } from './generation/swap.js';
import { contentOf, type ContentDigest } from './generation/content.js';
import { verify } from './generation/verify.js';
import { verifyWithLog, type LogVerification } from './generation/verify-with-log.js';
import { verifyTables } from './generation/verify-tables.js';
import type { Verification } from './generation/verification.js';
import { SqlModel } from './tables/sql-model.js';
import {
  neverStarted,
  projectionStatuses,
  type GenerationStatus,
  type NeverStarted,
  type ProjectionStatus,
} from './status.js';

/** What an admin works on. */
export interface ProjectionAdminParts {
  readonly events: EventStore;
  readonly recorder: Recorder;
  readonly observer?: Observer | undefined;
  /** Where the documents of a projection are, and its code, where it is known here. */
  readonly placeOf: (name: string) => { readonly state: StateStore; readonly model: Model | undefined };
  readonly models: () => readonly Model[];
  readonly state: StateStore;
  /** Called after something was asked for, to have it noticed soon where the projection runs in this process. */
  readonly asked: (name: string) => void;
  /** Works while a generation is filled, and kept so, that no process feeds and that the code here can make. Default: the one being filled. */
  readonly withFed: <T>(name: string, fed: Fed, work: () => Promise<T>) => Promise<T>;
}

/**
 * Looks at projections and asks for something, from any process, also where none of them runs. What is asked for is recorded with its
 * actor. Whoever asks while the log cannot be reached is told so with `ActionNotRecorded`: it is in force all the same.
 */
export class ProjectionAdmin {
  private readonly observer: Observer;

  constructor(private readonly parts: ProjectionAdminParts) {
    this.observer = guarded(parts.observer);
  }

  /** Every projection that was ever started, by name. */
  async list(): Promise<readonly ProjectionStatus[]> {
    const { events, models, state } = this.parts;
    const versions = new Map(models().map(({ name, version }) => [name, version]));
    const stored = await projectionStatuses({ events, state, versions });
    const own = models().filter(({ target }) => target === 'memory');
    const inMemory = own.map(({ name }) =>
      projectionStatuses({ events, state: this.parts.placeOf(name).state, versions }, [name]),
    );
    return [...stored, ...(await Promise.all(inMemory)).flat()];
  }

  /**
   * Those that are declared here and that nobody ever started: nothing is kept of them, and everything is to be folded. Of those in
   * memory nothing ever is.
   */
  async neverStarted(): Promise<readonly NeverStarted[]> {
    const started = new Set((await this.list()).map(({ name }) => name));
    const kept = this.parts.models().filter(({ target }) => target === 'state');
    const missing = kept.filter(({ name }) => !started.has(name));
    return Promise.all(missing.map((model) => neverStarted(this.storesOf(model.name), model)));
  }

  /** @throws ProjectionNotFound */
  async status(name: string): Promise<ProjectionStatus> {
    const { events } = this.parts;
    const { state, model } = this.parts.placeOf(name);
    const versions = new Map(model ? [[name, model.version]] : []);
    const [status] = await projectionStatuses({ events, state, versions }, [name]);
    if (status) return status;
    const known = (await this.list()).map((it) => it.name);
    throw new ProjectionNotFound(name, known);
  }

  /** Folds nothing more, until it is resumed; documents are read as before. */
  async pause(name: string, by: AskedBy = {}): Promise<void> {
    checkAskedBy(knownOptions(by, ASKING));
    await this.want(name, by, (control, paused) => ({ ...control, paused }));
    await this.record(name, 'projection.paused', {}, by);
  }

  /** Goes on, also where it is faulted. */
  async resume(name: string, by: AskedBy = {}): Promise<void> {
    checkAskedBy(knownOptions(by, ASKING));
    await this.want(name, by, ({ paused: _paused, ...control }, wish) => ({
      ...control,
      resumed: { ...wish, id: newId() },
    }));
    await this.record(name, 'projection.resumed', {}, by);
  }

  /**
   * Begins a new generation beside the one that is read; processes that run the projection fill it. One that this version is
   * filling already, or has filled and nobody has swapped or dropped, is gone on with: drop it first where the code has changed.
   *
   * @throws ProjectionNotFound, GenerationUnusable where the code of the projection is not known here or it is paused; ProjectionChanged
   * where what a version makes has changed under its number; InvalidOption
   */
  async rebuild(name: string, options: RebuildOptions = {}): Promise<number> {
    const { eventsPerSecond, ...by } = knownOptions(options, REBUILDING);
    checkAskedBy(by);
    const { stores, model } = this.codeOf(name);
    const { number, isNew } = await rebuild(stores, model, eventsPerSecond);
    if (isNew) await this.changed(name, number, 'created', { type: 'projection.rebuild', by });
    return number;
  }

  /** Waits until a generation has come to where the head is now, telling how far it is. @throws GenerationUnusable where there is none, or it will not; ProjectionNotFound */
  async filled(name: string, generation: number, options: FilledOptions = {}): Promise<GenerationStatus> {
    const { head: position } = await this.parts.events.identity();
    const statuses = async () => (await this.status(name)).generations;
    return filled({ ...this.storesOf(name), statuses }, { name, generation, position }, options);
  }

  /**
   * Compares another generation with the one that is read, document by document and at one position: their content in one hash
   * each, and what differs first in each document that differs. Both may go on meanwhile; where they write tables they meet at
   * the head first, and one that no process feeds is filled here, with code of its version. Default: the one being filled.
   *
   * @throws ProjectionNotFound, GenerationUnusable, InvalidOption; the signal's reason
   */
  async verify(name: string, options: VerifyOptions = {}): Promise<Verification> {
    const { generation, limit, maxFolded, signal } = comparisonOf(options);
    const { stores, model } = this.codeOf(name);
    const asked = { ...stores, generation, limit, signal };
    const found = await (model instanceof SqlModel
      ? this.parts.withFed(name, { generation, signal }, () => verifyTables({ ...asked, model }))
      : verify({ ...asked, model, maxFolded }));
    this.verified(name, found.other.generation);
    return found;
  }

  /**
   * Compares a generation with the log, which is folded in memory up to its checkpoint: documents, and the results of each in one hash.
   * Default: the one that is read.
   *
   * @throws ProjectionNotFound, GenerationUnusable, InvalidOption; the signal's reason
   */
  async verifyWithLog(name: string, options: VerifyOptions = {}): Promise<LogVerification> {
    const { generation, limit, maxFolded, signal } = comparisonOf(options);
    const { stores, model } = this.codeOf(name);
    if (model instanceof SqlModel)
      throw new GenerationUnusable(
        name,
        undefined,
        'it writes tables, which can only be compared with those of another generation: rebuild, and verify.',
      );
    const found = await verifyWithLog({ ...stores, model, generation, limit, maxFolded, signal });
    this.verified(name, found.generation);
    return found;
  }

  /** What a generation holds, in one hash: equal for equal documents. Default: the one that is read. */
  content(name: string, generation?: number): Promise<ContentDigest> {
    return contentOf(this.parts.placeOf(name).state, name, generation);
  }

  /**
   * Has another generation be read: the one being filled, or the one given. One that no process feeds is filled here first, with code of
   * its version; after the swap it is fed where that code runs.
   *
   * @throws ProjectionNotFound, GenerationUnusable, InvalidOption; the signal's reason, where nothing was swapped yet
   */
  async swap(name: string, which: Which & { readonly signal?: AbortSignal } = {}): Promise<Swapped> {
    const { generation, signal, ...by } = whichOne(which, { ...WHICH, signal: true });
    const swapped = await this.parts.withFed(name, { generation, signal }, () =>
      swap(this.storesOf(name), name, { generation, signal }),
    );
    await this.changed(name, swapped.generation, 'swapped', { type: 'projection.swapped', by });
    return swapped;
  }

  /** Goes back to the generation that was read before, and says how far behind it is. @throws ProjectionNotFound, GenerationUnusable */
  async rollback(name: string, which: Which = {}): Promise<Swapped> {
    const { generation, ...by } = whichOne(which, WHICH);
    const swapped = await rollBack(this.storesOf(name), name, generation);
    await this.changed(name, swapped.generation, 'rolled-back', { type: 'projection.rolled-back', by });
    return swapped;
  }

  /** Deletes a generation that is not read. Gives its number. @throws ProjectionNotFound, GenerationUnusable */
  async drop(name: string, which: Which = {}): Promise<number> {
    const { generation, ...by } = whichOne(which, WHICH);
    const dropped = await drop(this.parts.placeOf(name).state, name, generation);
    await this.changed(name, dropped, 'dropped', { type: 'projection.dropped', by });
    return dropped;
  }

  private verified(projection: string, generation: number): void {
    this.observer.generation(() => ({ projection, generation, change: 'verified' }));
  }

  private storesOf(name: string): Stores {
    return { events: this.parts.events, state: this.parts.placeOf(name).state };
  }

  /** @throws GenerationUnusable where its code is not known here */
  private codeOf(name: string): { readonly stores: Stores; readonly model: Model } {
    const { model } = this.parts.placeOf(name);
    if (model) return { stores: this.storesOf(name), model };
    const problem = 'its code is not known here: list it in `projections` of defineBackstory.';
    throw new GenerationUnusable(name, undefined, problem);
  }

  private async want(
    name: string,
    by: AskedBy | undefined,
    change: (control: Control, wish: Wish) => Control,
  ): Promise<void> {
    await this.parts.placeOf(name).state.transaction([], async (tx) => {
      const control = change(await requireControl(tx, name), wishOf(by));
      await writeControl(tx, name, control);
      // What it was stopped by is told of again if it still is.
      if (!control.paused) await tx.clear(placesOf(name).troubles);
    });
    this.parts.asked(name);
  }

  private async changed(
    projection: string,
    generation: Generation['number'],
    change: GenerationChanged['change'],
    { type, by }: { readonly type: string; readonly by: AskedBy },
  ): Promise<void> {
    this.parts.asked(projection);
    this.observer.generation(() => ({ projection, generation, change }));
    await this.record(projection, type, { generation }, by);
  }

  /** On the projection's system stream. @throws ActionNotRecorded: it is done already, and that the log cannot be reached just now undoes nothing */
  private async record(name: string, type: string, data: object, by: AskedBy | undefined): Promise<void> {
    const { actor, reason } = wishOf(by);
    const said = { projection: name, ...data, ...(reason !== undefined && { reason }) };
    const event = { type, data: JSON.stringify(said), metadata: { actor } };
    const stream = `_system-projection-${name}`;
    const write = { stream, expected: 'any', events: [event] } as const;
    try {
      await Context.none.run(() => this.parts.recorder.record([write], { system: true }));
    } catch (error) {
      throw new ActionNotRecorded(
        actor,
        type,
        said,
        `not recorded on ${stream}: ${type}: ${messageOf(error)}`,
      );
    }
  }
}
