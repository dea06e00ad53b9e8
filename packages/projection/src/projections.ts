import type { EventStore, Recorder, StateStore } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import { LeaseHolder, MemoryStateStore, shown } from '@backstory/core/state';
import {
  InvalidOption,
  LONGEST_TIMER,
  StoreClosed,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { InvalidDefinition, type Class } from '@backstory/events';
import type { ProjectionModel } from './definition/projection-model.js';
import {
  modelOf,
  type DocumentSource,
  type Model,
  type ProjectionSource,
} from './definition/projection-source.js';
import { NotCaughtUp, ProjectionExists, ProjectionNotFound } from './errors.js';
import { ProgressHere } from './feed/progress-here.js';
import { Runner } from './feed/runner.js';
import type { Fed } from './generation/feeders.js';
import { haltAdvice } from './generation/halted.js';
import { reached } from './generation/reached.js';
import { REBUILDING, type RebuildOptions } from './admin-options.js';
import { ProjectionAdmin } from './projection-admin.js';
import { Documents } from './read/documents.js';
import { requireListener, waiting, type CaughtUpOptions } from './read/given.js';
import { TableReader } from './read/table-reader.js';
import { SqlModel } from './tables/sql-model.js';
import type { SqlProjection } from './tables/sql-projection.js';
import type { GenerationStatus, ProjectionStatus } from './status.js';

/** What the projections of a process run on. */
export interface ProjectionsParts {
  readonly events: EventStore;
  readonly state: StateStore;
  /** Records what is asked of them. */
  readonly recorder: Recorder;
  readonly observer?: Observer;
  /** After so long without a sign of life others take over. At least 100, default 2,500. */
  readonly leaseMs?: number;
}

/** The projections of an application: read from any process, fed by one each. */
export class Projections extends ProjectionAdmin {
  private readonly known = new Map<string, Known>();
  private readonly sources = new Map<unknown, string>();
  private readonly leases: LeaseHolder;
  /** Of projections in memory, which are this process's own. */
  private readonly memory = new MemoryStateStore();
  private readonly ownLeases: LeaseHolder;
  private readonly progress = new ProgressHere();
  /** Those that fill a generation where this process does not run the projection. */
  private readonly filling = new Set<Runner>();
  private readonly ending = new AbortController();
  private starting: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly own: ProjectionsParts) {
    super({
      ...own,
      placeOf: (name) => this.placeOf(name),
      models: () => [...this.known.values()].map(({ model }) => model),
      asked: (name) => this.known.get(name)?.runner?.look(),
      withFed: (name, fed, work) => this.withFed(name, fed, work),
    });
    const { state, observer, leaseMs = 2_500 } = own;
    const ttlMs = numberOption('leaseMs', leaseMs, 100, LONGEST_TIMER);
    this.leases = new LeaseHolder(state, { ...(observer && { observer }), ttlMs });
    this.ownLeases = new LeaseHolder(this.memory, { ttlMs });
  }

  /** Makes a projection known, to be read and asked about. @throws InvalidDefinition, ProjectionExists … */
  declare(source: ProjectionSource): void {
    const model = modelOf(source);
    if (this.known.has(model.name)) throw new ProjectionExists(model.name);
    this.known.set(model.name, { model, runner: undefined });
    this.sources.set(source, model.name);
  }

  /** The names of those declared that are in the memory of each process that runs them: nobody else can look at them. */
  get inMemory(): readonly string[] {
    const all = [...this.known.values()].map(({ model }) => model);
    return all.filter(({ target }) => target === 'memory').map(({ name }) => name);
  }

  /** Begins to feed in this process every projection that was declared, where no other process does. @throws ProjectionChanged, StoreClosed */
  start(): Promise<void> {
    return (this.starting ??= this.begin().finally(() => (this.starting = undefined)));
  }

  private async begin(): Promise<void> {
    for (const known of this.known.values()) {
      this.ending.signal.throwIfAborted();
      if (known.runner) continue;
      const runner = this.runner(known.model);
      await runner.start();
      known.runner = runner;
    }
  }

  /** The documents of a projection, by its name. @throws ProjectionNotFound where it was not declared */
  named(name: string): Documents<unknown> {
    return this.documents(this.require(name).model);
  }

  /**
   * The tables of a projection that writes its own. Of a class or a name say which they are: `tables<'days'>(Turnover)`.
   *
   * @throws ProjectionNotFound where it was not declared; InvalidDefinition where it folds documents
   */
  tables<Names extends string>(source: SqlProjection<Names> | Class | string): TableReader<Names> {
    const { model } = this.require(source);
    if (model instanceof SqlModel)
      return new TableReader<Names>(model, { events: this.own.events, state: this.stateOf(model) });
    throw new InvalidDefinition(
      model.name,
      'folds documents and has no tables: ask `projection(…)` for them.',
    );
  }

  /**
   * Builds a new generation beside the one that is read, or goes on with one, and resolves when it has come to the head. It is
   * filled here, unless another process does it already; after an interruption it goes on from its last batch.
   *
   * @throws ProjectionNotFound, GenerationUnusable; the signal's reason; StoreClosed where these projections are closed meanwhile
   */
  async fill(name: string, options: FillOptions = {}): Promise<GenerationStatus> {
    const { onProgress, signal: own, ...how } = knownOptions(options, FILLING);
    requireListener('onProgress', onProgress);
    const signal = this.orEnding(own);
    signal.throwIfAborted();
    const { runner, model } = this.require(name);
    const generation = await this.rebuild(name, how);
    const filled = () => this.filled(name, generation, { ...(onProgress && { onProgress }), signal });
    return runner ? filled() : this.feedingHere(model, generation, filled);
  }

  /** The documents of a projection. @throws ProjectionNotFound where it was not declared */
  of<Document, Result>(source: DocumentSource<Document, Result>): Documents<Document, Result> {
    return this.documents<Document, Result>(this.require(source).model);
  }

  private documents<Document, Result>(known: Model): Documents<Document, Result> {
    if (known instanceof SqlModel)
      throw new InvalidDefinition(
        known.name,
        'writes tables and has no documents: ask `tables(…)` for them.',
      );
    const model = known as ProjectionModel<Document>;
    return new Documents({
      ...{ model, events: this.own.events, state: this.stateOf(model) },
      caughtUp: (position, options) => this.caughtUp(model.name, position, options),
    });
  }

  /**
   * Waits until the documents have every event up to a position: `AppendResult.position`, say. Also for events that it does not
   * handle, and where another process feeds it.
   *
   * @throws NotCaughtUp after `timeoutMs` (default 5,000), or at once where it is paused or faulted, saying why;
   * LogDiverged where the documents are of another log; ProjectionNotFound, InvalidOption; the signal's reason
   */
  async caughtUp(
    which: ProjectionSource | string,
    position: number,
    options: CaughtUpOptions = {},
  ): Promise<void> {
    const { timeoutMs, signal } = waiting(options);
    const { name } = this.require(which).model;
    const { events } = this.own;
    const { state } = this.placeOf(name);
    if (!Number.isSafeInteger(position) || position < 0)
      throw new InvalidOption('position', `must be a position of the log, not ${String(position)}.`);
    const end = performance.now() + timeoutMs;
    for (;;) {
      signal?.throwIfAborted();
      const progressed = this.progress.next(signal);
      try {
        const { isThere, through, isHalted } = await reached({ events, state }, name, position);
        if (isThere) return;
        const left = end - performance.now();
        const status = left <= 0 || isHalted ? await this.status(name) : undefined;
        if (status && (left <= 0 || standsStill(status))) {
          const why = [status.state, status.reason].filter(Boolean).join(': ');
          throw new NotCaughtUp(name, position, through, why, adviceFor(status));
        }
        await progressed.within(Math.min(left, POLL_MS));
      } finally {
        progressed.cancel();
      }
    }
  }

  /** Works while a generation that nobody feeds, and that code of its version is here for, is filled here and kept so. */
  private async withFed<T>(name: string, { generation, signal }: Fed, work: () => Promise<T>): Promise<T> {
    const known = this.known.get(name);
    if (!known || known.runner) return work();
    const all = (await this.status(name)).generations.filter(({ role }) => role === 'building');
    const own = all.findLast((it) => generation === undefined || it.generation === generation);
    if (own?.state !== 'stopped') return work();
    return this.feedingHere(known.model, own.generation, async () => {
      await this.filled(name, own.generation, { signal: this.orEnding(signal) });
      return work();
    });
  }

  private async feedingHere<T>(model: Model, generation: number, work: () => Promise<T>): Promise<T> {
    const runner = this.runner(model, generation);
    this.filling.add(runner);
    try {
      await runner.start();
      return await work();
    } finally {
      await runner.stop();
      this.filling.delete(runner);
    }
  }

  /** Aborted by whoever waits, or when these projections are closed. */
  private orEnding(own: AbortSignal | undefined): AbortSignal {
    const { signal: ending } = this.ending;
    return own ? AbortSignal.any([own, ending]) : ending;
  }

  /** Ends the batches at work; other processes take over at once. */
  close(): Promise<void> {
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    this.ending.abort(new StoreClosed('What runs projections in this process'));
    await this.starting?.catch(() => undefined);
    const runners = [...this.known.values()].flatMap(({ runner }) => (runner ? [runner] : []));
    await Promise.all([...runners, ...this.filling].map((it) => it.stop()));
    await Promise.all([this.leases.close(), this.ownLeases.close()]);
    await this.memory.close();
  }

  private runner(model: Model, only?: number): Runner {
    const { events, observer } = this.own;
    return new Runner({
      ...{ model, events, observer, state: this.stateOf(model) },
      ...(only !== undefined && { only }),
      leases: model.target === 'memory' ? this.ownLeases : this.leases,
      progressed: () => this.progress.tell(),
    });
  }

  private placeOf(name: string) {
    const model = this.known.get(name)?.model;
    return { model, state: model ? this.stateOf(model) : this.own.state };
  }

  private stateOf({ target }: Model): StateStore {
    return target === 'memory' ? this.memory : this.own.state;
  }

  private require(which: unknown): Known {
    const name = typeof which === 'string' ? which : this.sources.get(which);
    const known = name === undefined ? undefined : this.known.get(name);
    if (known) return known;
    const called =
      typeof which === 'string' ? which : ((which as { name?: string } | null)?.name ?? shown(which));
    throw new ProjectionNotFound(called, [...this.known.keys()]);
  }
}

/** Whether waiting alone will not bring it on: where it is faulted, unless somebody is trying again. */
function standsStill({ state, generation, generations }: ProjectionStatus): boolean {
  const owner = generations.find((it) => it.generation === generation)?.owner;
  return state === 'paused' || (state === 'faulted' && owner === undefined);
}

/** What brings it on, where waiting does not. */
function adviceFor({ name, state, reason, version }: ProjectionStatus): string | undefined {
  if (state === 'paused' || state === 'faulted') return haltAdvice(name, state);
  const isAlone = (state === 'stopped' && reason === undefined) || state === 'frozen';
  return isAlone ? `start a process whose code has version ${version} of it` : undefined;
}

/** How often to look whether another process has come as far. */
const POLL_MS = 50;

/** How a generation is filled, and who is told of it. */
export interface FillOptions extends RebuildOptions {
  readonly onProgress?: (status: GenerationStatus) => void;
  /** Stops it; what is filled by then stays. */
  readonly signal?: AbortSignal;
}

const FILLING: OptionNames<FillOptions> = { ...REBUILDING, onProgress: true, signal: true };

interface Known {
  readonly model: Model;
  runner: Runner | undefined;
}
