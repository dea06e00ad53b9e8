import {
  Context,
  EventIdReused,
  VersionConflict,
  streamName,
  type EventStore,
  type RecordedEvent,
  type Recorder,
  type StateStore,
} from '@backstory/core';
import { guarded, type Observer } from '@backstory/core/observe';
import {
  InvalidOption,
  LIMITS,
  isName,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { modelOf, recordOf, type AggregateModel, type EventSourcedAggregate } from '@backstory/aggregate';
import type { Class } from '@backstory/events';
import type { RecordedAppend } from './append-watch.js';
import { untilNoConflict, type Attempts } from './attempts.js';
import {
  AggregateNotFound,
  CommandIdReused,
  ForeignAggregate,
  InvalidAggregateId,
  InvalidCommandId,
} from './errors.js';
import { beganAt, checkPoint, type PointInTime } from './load.js';
import { Loader } from './loader.js';
import { saveAggregate, type SaveCollaborators, type Saved, type SaveOptions } from './save.js';
import type { StateCache } from './state-cache.js';

/** What a repository works with. */
export interface RepositoryOptions {
  readonly store: EventStore;
  readonly recorder: Recorder;
  readonly observer?: Observer;
  /** Where snapshots are kept of aggregates that say when. Without it none are. */
  readonly state?: StateStore;
  /** Read snapshots and write none. */
  readonly readOnly?: boolean;
  /** Where states are kept between two loads. Without it none are. */
  readonly cache?: StateCache;
  /**
   * The share of loads from a snapshot or the cache that are checked against a fold of all events: 0 to 1. Default: in
   * production 0.01, else 1. The first one is checked in any case.
   */
  readonly verifyLoads?: number;
}

/** How `update` goes about it: whether it may begin the aggregate, how often it tries, and what it repeats. */
export interface UpdateOptions extends Attempts {
  /** Begin the aggregate when nothing has happened to it yet. */
  readonly create?: boolean;
  /** The id of the command being carried out: doing it again, even in another process, records nothing new. */
  readonly commandId?: string;
  /**
   * The name of the command, for metadata and traces. In a handler that saves to one stream more than once it also tells
   * those saves apart when the handler runs again.
   */
  readonly command?: string;
  /** Repeats an update whose outcome is unknown: the id that AppendOutcomeUnknown gave. */
  readonly appendId?: string;
}

/**
 * What `update` did. `position` is where the aggregate's last event is, to wait for in a read model.
 *
 * `repeated: true` — what was asked for had been recorded before; the function did not run, so there is no `value`. `false` says
 * that the function ran and its value stands: of two calls with one command id at the same moment both may say so, and one
 * event is recorded.
 */
export type Updated<A, T> = Saved & { readonly aggregate: A; readonly attempts: number } & (
    { readonly repeated: false; readonly value: T } | { readonly repeated: true; readonly value: undefined }
  );

/**
 * Loads and saves the aggregates of one class.
 *
 * ```ts
 * await accounts.update('42', (account) => account.deposit(100), { create: true });
 * const before = await accounts.load('42', { atVersion: 1 });
 * ```
 */
export class Repository<A extends EventSourcedAggregate> {
  private readonly model: AggregateModel<A>;
  private readonly log: SaveCollaborators;
  private readonly observer: Observer;
  private readonly loader: Loader<A>;

  /** @throws InvalidDefinition and the like when the class cannot be an aggregate; InvalidOption */
  constructor(cls: Class<A>, options: RepositoryOptions) {
    const { store, recorder, observer, state, readOnly = false, cache, verifyLoads } = options;
    if (verifyLoads !== undefined) numberOption('verifyLoads', verifyLoads, 0, 1);
    this.model = modelOf(cls);
    this.log = { store, recorder };
    this.observer = guarded(observer);
    this.loader = new Loader(this.model, {
      store,
      observer: this.observer,
      state,
      readOnly,
      cache,
      verifyLoads,
    });
  }

  /** Waits for the snapshots that are being written. Loads after it leave none behind. */
  close(): Promise<void> {
    return this.loader.close();
  }

  /**
   * The aggregate as it is now, or read-only as it was: `{ atVersion: 3 }`, `{ at: new Date(…) }` (recorded no later).
   *
   * @throws AggregateNotFound, VersionOutOfRange, InvalidQuery
   */
  async load(id: string, point: PointInTime = {}): Promise<A> {
    const found = await this.find(id, point);
    if (found) return found;
    const began = point.at && (await beganAt(this.log.store, this.streamOf(id)));
    throw new AggregateNotFound(this.model.name, id, began);
  }

  /** The same, `undefined` where nothing has happened. @throws VersionOutOfRange, InvalidQuery */
  async find(id: string, point: PointInTime = {}): Promise<A | undefined> {
    checkPoint(point);
    const { aggregate } = await this.loader.load({ id, stream: this.streamOf(id), ...point });
    return aggregate.version === 0 ? undefined : aggregate;
  }

  /** A new aggregate. Saving it fails with VersionConflict when the id is taken. */
  create(id: string): A {
    this.streamOf(id);
    return this.model.create(id);
  }

  /** The events of an aggregate after a version, as instances of their classes. */
  async *eventsSince(id: string, version = 0): AsyncIterable<RecordedEvent<object>> {
    for await (const page of this.log.store.readStream(this.streamOf(id), { after: version })) {
      for (const event of page.events) yield this.model.types.decode(event);
    }
  }

  /**
   * Records what the aggregate raised, on condition that nobody else changed it meanwhile. Without raised events nothing
   * is recorded.
   *
   * @throws VersionConflict, AppendOutcomeUnknown (repeat with its `appendId`), SaveInProgress, ReadOnlyAggregate,
   * ForeignAggregate, ChangedWithoutEvent, UnstorableValue
   */
  async save(aggregate: A, options: SaveOptions = {}): Promise<Saved> {
    // To the compiler a subclass, or any class of the same shape, would do.
    const { category, name } = recordOf(aggregate).plan;
    if (category !== this.model.category) throw new ForeignAggregate(name, aggregate.id, this.model.name);
    const stream = this.streamOf(aggregate.id);
    // Also where nothing was raised: a run that raises nothing any more must not give the id to the save after it.
    const { appendId, into } = knownOptions(options, SAVE);
    const save = (appendId: string | undefined) => this.saveAs(aggregate, stream, { appendId, into });
    return appendId === undefined ? Context.current().saving(stream, save) : save(appendId);
  }

  private async saveAs(aggregate: A, stream: string, options: SaveOptions): Promise<Saved> {
    const { appendId } = options;
    const saved = await saveAggregate(aggregate, stream, this.log, options).catch(reusedAsValue);
    const isReused = saved instanceof EventIdReused;
    if (!isReused && (!saved.repeated || appendId === undefined)) return saved;
    const { recorded } = await this.loader.load({ id: aggregate.id, stream, appendId });
    const repeat = recorded && repeatOf(recorded, stream);
    if (!isReused) return saved;
    // An earlier run of the same handler or command recorded this save, and had decided otherwise.
    if (!repeat) throw saved;
    recordOf(aggregate).spoil('an earlier run of the same handler or command had saved something else');
    return { ...repeat, repeated: true };
  }

  /**
   * Loads, lets `change` decide, and saves; once more from the start, on a fresh instance, when somebody else was faster.
   * `change` may therefore run several times and should have no effects of its own. What it does not await is too late:
   * the aggregate it was given, which is also the one given back, raises nothing more.
   *
   * @throws AggregateNotFound without `create`; UpdateConflict after the last attempt; InvalidCommandId, InvalidOption,
   * CommandIdReused where the stream has what another command recorded under the id;
   * ChangedWithoutEvent, UnstorableValue; whatever `change` throws
   */
  async update<T>(
    id: string,
    change: (aggregate: A) => T | Promise<T>,
    options: UpdateOptions = {},
  ): Promise<Updated<A, T>> {
    const stream = this.streamOf(id);
    if (typeof change !== 'function') throw new InvalidOption('change', NO_FUNCTION);
    const { command, commandId } = knownOptions(options, UPDATE);
    if (commandId !== undefined && !isName(commandId, LIMITS.idBytes)) throw new InvalidCommandId(commandId);
    let context = Context.current();
    if (commandId !== undefined) context = context.withCommand(commandId);
    if (command !== undefined) context = context.with({ command });
    const start = () => ({ command: context.fields.command, aggregate: this.model.name, stream });
    // One save for all attempts, so that they have one id.
    const save = (appendId: string | undefined) =>
      this.observer.command(start, async (end) => {
        const updated = await this.updateAs({ id, stream, appendId }, change, options);
        const { attempts, ids, version, repeated, aggregate } = updated;
        recordOf(aggregate).isUpdateOver = true;
        end(() => ({ attempts, events: ids.length, version, repeated }));
        return updated;
      });
    const { appendId } = options;
    return context.run(() => (appendId === undefined ? context.saving(stream, save) : save(appendId)));
  }

  private updateAs<T>(
    { id, stream, appendId }: { id: string; stream: string; appendId: string | undefined },
    change: (aggregate: A) => T | Promise<T>,
    options: UpdateOptions,
  ): Promise<Updated<A, T>> {
    return untilNoConflict(options, async (attempts) => {
      const { aggregate, recorded } = await this.loader.load({ id, stream, appendId });
      if (recorded)
        return { ...repeatOf(recorded, stream), aggregate, attempts, repeated: true, value: undefined };
      if (aggregate.version === 0 && options.create !== true)
        throw new AggregateNotFound(this.model.name, id);
      const value = await inside(appendId).run(() => decide(aggregate, change));
      options.signal?.throwIfAborted();
      const saved = await saveAggregate(aggregate, stream, this.log, { appendId }).catch(lostRaceAsValue);
      if (saved instanceof VersionConflict) return saved;
      if (!(saved instanceof EventIdReused) && recordOf(aggregate).isUsable)
        return { ...saved, aggregate, attempts, repeated: false, value };
      // Somebody carried out the same command meanwhile, and may have decided otherwise.
      const now = await this.loader.load({ id, stream, appendId });
      if (!now.recorded && saved instanceof EventIdReused) throw saved;
      const first = now.recorded ? repeatOf(now.recorded, stream) : (saved as Saved);
      return { ...first, aggregate: now.aggregate, attempts, repeated: true, value: undefined };
    });
  }

  private streamOf(id: string): string {
    const stream = typeof id === 'string' && id !== '' ? streamName(this.model.category, id) : '';
    if (!isName(stream, LIMITS.stream)) throw new InvalidAggregateId(this.model.name, id);
    return stream;
  }
}

const SAVE: OptionNames<SaveOptions> = { appendId: true, into: true };
const UPDATE: OptionNames<UpdateOptions> = {
  create: true,
  command: true,
  commandId: true,
  appendId: true,
  attempts: true,
  signal: true,
};

const NO_FUNCTION = 'must be a function that is given the aggregate: (it) => it.deposit(100).';

/** Over before anything is sent to the store: what is raised from then on nobody would record. */
async function decide<A extends object, T>(
  aggregate: A,
  change: (aggregate: A) => T | Promise<T>,
): Promise<T> {
  try {
    return await change(aggregate);
  } finally {
    recordOf(aggregate).isUpdateOver = true;
  }
}

/** What an earlier run recorded: of the same command, where both have a name. @throws CommandIdReused */
function repeatOf({ command: recorded, ...saved }: RecordedAppend, stream: string) {
  const { command, commandId } = Context.current().fields;
  if (recorded !== undefined && command !== undefined && recorded !== command)
    throw new CommandIdReused(stream, commandId, recorded, command);
  return { stream, ...saved };
}

/**
 * Where `change` runs. What it saves elsewhere has ids that follow from this append, the same in every attempt. Counted
 * with the saves around it, another attempt would repeat them under new ids, and a run that finds this append recorded
 * would give their ids to what comes after.
 */
function inside(appendId: string | undefined): Context {
  const context = Context.current();
  if (appendId === undefined) return context;
  return context.withCommand(appendId).with({ commandId: context.fields.commandId });
}

function reusedAsValue(error: unknown): EventIdReused {
  if (error instanceof EventIdReused) return error;
  throw error;
}

function lostRaceAsValue(error: unknown): VersionConflict | EventIdReused {
  if (error instanceof VersionConflict || error instanceof EventIdReused) return error;
  throw error;
}
