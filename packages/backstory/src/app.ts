import { MissingHandler, modelOf, type EventSourcedAggregate } from '@backstory/aggregate';
import {
  Recorder,
  StoreUnusable,
  categoryOf,
  type EventStore,
  type RecordResult,
  type StateStore,
} from '@backstory/core';
import { InvalidDefinition, type Class, type EventTypes } from '@backstory/events';
import { checkMetadata } from '@backstory/events/codec';
import { Repository, StateCache } from '@backstory/repository';
import { unmeasured, type OwnMetrics } from '@backstory/core/observability';
import {
  Commands,
  Scheduler,
  firing,
  type DispatchOptions,
  type Schedule,
  type ScheduleOptions,
} from '@backstory/process';
import {
  Projections,
  type CaughtUpOptions,
  type Documents,
  type DocumentSource,
  type ProjectionSource,
} from '@backstory/projection';
import { WindowsReader, type Windows } from '@backstory/projection/streams';
import type { SqlProjection, TableReader } from '@backstory/projection/sql';
import { Subscriptions, type HandledOptions } from '@backstory/router';
import { EventBus, Router, type EventBusOptions } from '@backstory/router/bus';
import { knownOptions } from '@backstory/core/store';
import type { AppParts } from './app-parts.js';
import { commandHandlerOf } from './command-source.js';
import {
  within,
  type Appends,
  type AppTransaction,
  type Within,
  type WithinOptions,
} from './app-transaction.js';
import { RECORD_OPTIONS, requireRecordable, type RecordOptions } from './record-options.js';

/** A running application. */
export class App {
  /** The name given to `defineBackstory`, which events keep as their `source`. */
  readonly name: string;
  /** Every event that this application knows. */
  readonly types: EventTypes;
  readonly aggregates: readonly Class<EventSourcedAggregate>[];
  /** The log: to be read (`readAll`, `readStream`) and followed (`follow`). Record through repositories and `record`. */
  readonly events: EventStore;
  /** What is derived from the log. */
  readonly state: StateStore;
  /** The rules by which events go to topics; they may be added and removed. */
  readonly router: Router;
  /** Records events and hands them to handlers in this process. */
  readonly bus: EventBus;
  /** The commands of this application, each with its handler. */
  readonly commands: Commands;
  /** The subscriptions of this process, and a look at all that there are. */
  readonly subscriptions: Subscriptions;
  /** The projections of this application: how they are doing, rebuild, verify, swap. Their documents gives `projection`. */
  readonly projections: Projections;
  /** What is kept for later: listed, cancelled, tried again. */
  readonly schedules: Scheduler;
  /** Metrics of the application's own. They measure nothing where nobody observes it. */
  readonly metrics: OwnMetrics;
  private readonly recorder: Recorder;
  private readonly cache: StateCache | undefined;
  private readonly repositories = new Map<Class, Repository<EventSourcedAggregate>>();
  private closing: Promise<void> | undefined;

  /** Applications are started by `defineBackstory({ … }).start()`. */
  constructor(private readonly parts: AppParts<App>) {
    const { name, types, aggregates, log, elsewhere, appendTimeoutMs, observer } = parts;
    const { projectionLeaseMs: leaseMs } = parts;
    this.name = name;
    this.types = types;
    this.aggregates = aggregates;
    this.metrics = parts.metrics ?? unmeasured;
    this.events = log.events;
    this.state = (elsewhere ?? log).state;
    this.cache = parts.cache && new StateCache(parts.cache);
    this.recorder = new Recorder(this.events, {
      source: name,
      ...(appendTimeoutMs !== undefined && { appendTimeoutMs }),
      ...(observer && { observer }),
    });
    const { events, state, recorder } = this;
    const following = { events, state, recorder, ...(observer && { observer }) };
    this.subscriptions = new Subscriptions(following);
    this.projections = new Projections({
      ...following,
      ...(leaseMs !== undefined && { leaseMs }),
    });
    for (const source of parts.projections) this.projections.declare(source);
    this.router = new Router(parts.rules, observer && { observer });
    const record: EventBusOptions['record'] = (stream, events, options) =>
      this.record(stream, events, options);
    this.bus = new EventBus({
      source: name,
      types,
      store: this.events,
      record,
      router: this.router,
      ...(observer && { observer }),
    });
    this.commands = new Commands((cls) => this.repository(cls));
    this.schedules = new Scheduler(
      {
        state: this.state,
        ...firing({ commands: this.commands, types, record }),
        ...(observer && { observer }),
      },
      parts.schedules,
    );
    for (const source of parts.commands) this.commands.register(commandHandlerOf(source, this));
  }

  /** The repository of an aggregate of this application; always the same one. */
  repository<A extends EventSourcedAggregate>(cls: Class<A>): Repository<A> {
    if (!this.aggregates.includes(cls)) {
      const problem = `is no aggregate of ${this.name}: add it to aggregates in defineBackstory.`;
      throw new InvalidDefinition(modelOf(cls).name, problem);
    }
    const known = this.repositories.get(cls) as Repository<A> | undefined;
    if (known) return known;
    const { observer, readOnly, verifyLoads } = this.parts;
    const made = new Repository(cls, {
      store: this.events,
      recorder: this.recorder,
      state: this.state,
      readOnly,
      ...(this.cache && { cache: this.cache }),
      ...(verifyLoads !== undefined && { verifyLoads }),
      ...(observer && { observer }),
    });
    this.repositories.set(cls, made);
    return made;
  }

  /** The documents of a projection of this application. @throws ProjectionNotFound */
  projection<Document, Result>(source: DocumentSource<Document, Result>): Documents<Document, Result> {
    return this.projections.of(source);
  }

  /** The windows of a projection of this application that `windows` made. @throws ProjectionNotFound, InvalidDefinition for another one */
  windows<Values>(source: Windows<Values>): WindowsReader<Values> {
    return new WindowsReader(source, this.projection(source));
  }

  /** The tables of a projection that writes its own. Of a class say which: `app.tables<'days'>(Turnover)`. @throws ProjectionNotFound */
  tables<Names extends string>(source: SqlProjection<Names> | Class): TableReader<Names> {
    return this.projections.tables(source);
  }

  /** Waits until a projection has every event up to a position: that of what was recorded last, say. @throws NotCaughtUp, ProjectionNotFound */
  caughtUp(source: ProjectionSource | string, position: number, options?: CaughtUpOptions): Promise<void> {
    return this.projections.caughtUp(source, position, options);
  }

  /**
   * Checks a command's rules, has its handler carry it out, and gives what that gives. With a `commandId` it may be repeated.
   *
   * @throws NoCommandHandler, InvalidData, InvalidCommandId; whatever the handler throws
   */
  dispatch<Result = unknown>(command: object, options?: DispatchOptions): Promise<Result> {
    return this.commands.dispatch<Result>(command, options);
  }

  /**
   * Keeps a command, or with `stream` an event, for later: `{ at }`, `{ after }` milliseconds, again and again `{ every }`. Any process of
   * the application that is running then carries it out, once.
   *
   * @throws InvalidSchedule, InvalidOption, InvalidData, UnstorableValue, NoCommandHandler, UnknownEventType
   */
  schedule(message: object, options: ScheduleOptions): Promise<Schedule> {
    return this.schedules.schedule(message, options);
  }

  /**
   * Resolves when a subscription has handled an event, or everything up to a position, in whichever process. So
   * `await app.handled('letters', recorded.id)`.
   *
   * @throws NotHandled saying why; SubscriptionNotFound, EventNotFound
   */
  handled(subscription: string, what: string | number, options?: HandledOptions): Promise<void> {
    return this.subscriptions.handled(subscription, what, options);
  }

  /**
   * Records events that no aggregate raised. To the stream of an aggregate only what it handles or ignores: it could not be
   * loaded any more.
   *
   * @throws InvalidOption, UnknownEventType, MissingHandler, InvalidData, UnstorableValue, VersionConflict,
   * AppendOutcomeUnknown
   */
  async record(
    stream: string,
    events: readonly object[],
    options: RecordOptions = {},
  ): Promise<RecordResult> {
    return this.recordInto(undefined, stream, events, options);
  }

  /**
   * Runs `work` in a transaction of your own client of the store's database, and commits it: what `work` changes by the client
   * and what it records by the transaction it is given become true together, or neither does. Loads and saves of repositories are
   * not part of it.
   *
   * @throws StoreUnusable where the store is not in such a database; VersionConflict, EventIdReused, StoreUnavailable, whatever
   * `work` throws — everything was rolled back; TransactionOutcomeUnknown (run it again with its `commandId`)
   */
  async within<T>(
    client: object,
    work: (transaction: AppTransaction) => T | Promise<T>,
    options: WithinOptions = {},
  ): Promise<Within<T>> {
    const { log } = this.parts;
    const begin = async (id: string) => {
      if (log.within) return log.within(client, id);
      throw new StoreUnusable(this.name, 'unsupported', NO_CLIENTS);
    };
    const repositoryOf = (aggregate: EventSourcedAggregate) =>
      this.repository(aggregate.constructor as Class<EventSourcedAggregate>);
    const parts = {
      begin,
      save: async (aggregate: EventSourcedAggregate, into: Appends) =>
        repositoryOf(aggregate).save(aggregate, { into }),
      record: (stream: string, events: readonly object[], how: RecordOptions, into: Appends) =>
        this.recordInto(into, stream, events, how),
    };
    return within(parts, work, options);
  }

  private async recordInto(
    into: Appends | undefined,
    stream: string,
    events: readonly object[],
    options: RecordOptions,
  ): Promise<RecordResult> {
    requireRecordable(stream, events);
    const { expected = 'any', occurredAt, metadata = {}, appendId } = knownOptions(options, RECORD_OPTIONS);
    const given = checkMetadata(metadata, stream, occurredAt);
    const encoded = events.map((event) => ({ ...this.types.encode(event), metadata: given }));
    for (const { type } of encoded) this.refuseUnhandled(stream, type);
    return this.recorder.record([{ stream, expected, events: encoded }], {
      ...(appendId !== undefined && { appendId }),
      ...(into && { into }),
    });
  }

  /** Waits for what was accepted, then closes the stores. Calling it again waits for the same. */
  close(): Promise<void> {
    this.closing ??= this.closeParts();
    return this.closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private refuseUnhandled(stream: string, type: string): void {
    const owner = this.aggregates.find((it) => modelOf(it).category === categoryOf(stream));
    if (!owner || modelOf(owner).types.find(type)) return;
    throw new MissingHandler(owner.name, this.types.find(type)!.cls.name);
  }

  private async closeParts(): Promise<void> {
    const { observation } = this.parts;
    await observation?.endWatching();
    try {
      await this.closeOpened();
    } finally {
      await observation?.end();
    }
  }

  private async closeOpened(): Promise<void> {
    // First, for their handlers may use everything else.
    await this.subscriptions.close();
    await this.projections.close();
    await Promise.all([this.schedules.close(), this.commands.close()]);
    await this.bus.close();
    await Promise.all([...this.repositories.values()].map((repository) => repository.close()));
    try {
      await this.parts.elsewhere?.close();
    } finally {
      await this.parts.log.close();
    }
  }
}

const NO_CLIENTS =
  'app.within needs a store in a database that has clients of its own: @backstory/postgres is one.';
