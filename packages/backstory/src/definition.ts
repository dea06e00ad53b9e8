import { modelOf, type EventSourcedAggregate } from '@backstory/aggregate';
import type { OpenOptions, Storage } from '@backstory/core';
import type { Observability } from '@backstory/core/observability';
import type { Observer } from '@backstory/core/observe';
import { EventTypes, InvalidDefinition, type Class } from '@backstory/events';
import type { SchedulerOptions } from '@backstory/process';
import { ProjectionExists, projectionName, type ProjectionSource } from '@backstory/projection';
import { Router, type Rule } from '@backstory/router/bus';
import { checkCacheOptions, type CacheOptions } from '@backstory/repository';
import { LONGEST_TIMER, knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import { App } from './app.js';
import { Observation } from './observation.js';
import { checkCommandSources, type CommandSource } from './command-source.js';
import { checkedSubscribers, subscriberFrom, type SubscriberSource } from './subscribers.js';

/** What an application is: its name, where its log lives, its aggregates and events. */
export interface BackstoryOptions {
  /** The application's name; events keep it as their `source`. */
  readonly name: string;
  /** The application's version, for traces and metrics. */
  readonly version?: string;
  /** `production`, `staging` … Default: NODE_ENV, else `development`. */
  readonly environment?: string;
  /** Where the log lives: `sqlite('bank.db')`, `memory()`. */
  readonly store: Storage;
  /** Where what is derived from the log lives. Default: beside the log. */
  readonly state?: Storage;
  readonly aggregates?: readonly Class<EventSourcedAggregate>[];
  /** Events that no aggregate handles, recorded with `app.record`. */
  readonly events?: readonly Class[];
  /** What reacts to recorded events, each at least once: run by every process that starts the application. */
  readonly subscribers?: readonly SubscriberSource[];
  /** Read models: classes with `@Projection`, or what `projection` made. Each is fed by one process of those that start. */
  readonly projections?: readonly ProjectionSource[];
  /**
   * After so many milliseconds without a sign of life of the process that feeds a projection, another one does. Default 2,500; longer
   * than the fold of any one event takes, of which nothing comes otherwise.
   */
  readonly projectionLeaseMs?: number;
  /** Which events go to which topic, from the start. */
  readonly rules?: readonly Rule[];
  /** What carries out commands: `handles(…)`, `(app) => new Handler(…)`, or a class that is made with the app. */
  readonly commands?: readonly CommandSource<App>[];
  /** How what is kept for later is carried out. */
  readonly schedules?: SchedulerOptions;
  /** Keep the states of aggregates in memory between two loads, so much at most. Default: none are. */
  readonly cache?: CacheOptions;
  /**
   * The share of loads from a snapshot or the cache that are checked against a fold of all events: 0 to 1. Default: in
   * production (by NODE_ENV) 0.01, else 1. The first one of a process is checked in any case.
   */
  readonly verifyLoads?: number;
  /** How long to repeat an append while the store cannot be reached. Default 30,000. */
  readonly appendTimeoutMs?: number;
  /** Who is told what happens. `observability` brings one. */
  readonly observer?: Observer;
  /** What observes it from its start to its close: an `ObservabilityManager` or `Instrumentation` of `@backstory/observability`. */
  readonly observability?: Observability;
}

/** What a process that starts an application does. */
export interface StartOptions {
  /** Whether it runs the subscribers. Default true. */
  readonly subscriptions?: boolean;
  /** Whether it feeds the projections. Default true. */
  readonly projections?: boolean;
  /** Whether it carries out what is scheduled. Default true. */
  readonly schedules?: boolean;
}

/**
 * Describes an application: its name, its store, its aggregates and events. Everything about the classes is checked here,
 * nothing is opened. The default export of `backstory.config.ts`.
 *
 * @throws InvalidDefinition, InvalidOption, InvalidRule, DuplicateEventType, MissingUpcaster, PrivateState …
 */
export function defineBackstory(options: BackstoryOptions): Backstory {
  return new Backstory(options);
}

/** An application that is described and not yet running. */
export class Backstory {
  readonly name: string;
  readonly version: string;
  readonly environment: string;
  readonly store: Storage;
  /** Where what is derived from the log lives, when not beside the log. */
  readonly state: Storage | undefined;
  readonly aggregates: readonly Class<EventSourcedAggregate>[];
  readonly rules: readonly Rule[];
  readonly subscribers: readonly SubscriberSource[];
  readonly projections: readonly ProjectionSource[];
  /** After how long projections are fed by another process, where that is not the default. */
  readonly projectionLeaseMs: number | undefined;
  /** Every event that this application knows. */
  readonly types: EventTypes;
  /** What observes it, where something does. */
  readonly observability: Observability | undefined;

  constructor(private readonly options: BackstoryOptions) {
    if (typeof options?.name !== 'string' || options.name === '')
      throw new InvalidDefinition('defineBackstory', NAMELESS);
    const {
      name,
      version = '0.0.0',
      environment,
      store,
      aggregates = [],
      events = [],
      rules = [],
      subscribers = [],
    } = knownOptions(options, OPTIONS);
    if (typeof (store as Partial<Storage> | undefined)?.open !== 'function') {
      throw new InvalidDefinition('defineBackstory', "needs a store, e.g. { store: sqlite('app.db') }.");
    }
    if (options.cache !== undefined) checkCacheOptions(options.cache);
    if (options.verifyLoads !== undefined) numberOption('verifyLoads', options.verifyLoads, 0, 1);
    if (options.projectionLeaseMs !== undefined)
      numberOption('projectionLeaseMs', options.projectionLeaseMs, 100, LONGEST_TIMER);
    requireClasses('aggregates', aggregates);
    requireClasses('events', events);
    refuseSharedCategories(aggregates);
    if (options.observer && options.observability)
      throw new InvalidDefinition('defineBackstory', 'takes an observer or observability, which brings one.');
    this.rules = checkedRules(rules);
    checkCommandSources(options.commands ?? []);
    this.subscribers = checkedSubscribers(subscribers);
    this.projections = checkedProjections(options.projections ?? []);
    this.projectionLeaseMs = options.projectionLeaseMs;
    this.name = name;
    this.version = version;
    this.environment = environment ?? process.env['NODE_ENV'] ?? 'development';
    this.store = store;
    this.state = options.state;
    this.observability = options.observability;
    this.aggregates = aggregates;
    this.types = new EventTypes([...aggregates.filter(hasEvents), ...events], name);
  }

  /**
   * Opens the stores, runs the subscribers, feeds the projections and carries out what is scheduled; `subscriptions: false`,
   * `projections: false` and `schedules: false` leave those to other processes. Close the app when you are done. How each subscription is doing says `app.subscriptions`: one that
   * cannot go on stops none of the others.
   */
  async start(options: StartOptions = {}): Promise<App> {
    const { subscriptions = true, projections = true, schedules = true } = knownOptions(options, START);
    const observation = await Observation.begun(this.options.observability);
    const app = await this.opened({ observation }).catch(async (error: unknown) => {
      await observation.end();
      throw error;
    });
    try {
      observation.watch(app);
      if (schedules) app.schedules.start();
      if (projections) await app.projections.start();
      if (subscriptions)
        for (const source of this.subscribers) await app.subscriptions.add(subscriberFrom(source, app));
      return app;
    } catch (error) {
      await app.close();
      throw error;
    }
  }

  /** Opens the stores, or another one in place of the log's; `readOnly` for looking at what others own. */
  open(how: { readonly store?: Storage; readonly readOnly?: boolean } = {}): Promise<App> {
    return this.opened(how);
  }

  /** Starts, works, and closes whatever happens. For scripts and tests. */
  async run<T>(work: (app: App) => Promise<T>, options?: StartOptions): Promise<T> {
    const app = await this.start(options);
    try {
      return await work(app);
    } finally {
      await app.close();
    }
  }

  private async opened({
    store = this.store,
    readOnly = false,
    observation,
  }: {
    readonly store?: Storage;
    readonly readOnly?: boolean;
    readonly observation?: Observation;
  }): Promise<App> {
    const { observability, cache, verifyLoads, appendTimeoutMs } = this.options;
    const observer = observability?.observer ?? this.options.observer;
    const opening: OpenOptions = { readOnly, ...(observer && { observer }) };
    const log = await store.open(opening);
    try {
      const elsewhere = await this.state?.open(opening);
      const { name, types, aggregates, rules, projections, projectionLeaseMs } = this;
      const { commands = [], schedules } = this.options;
      const how = { commands, schedules, readOnly, cache, verifyLoads, appendTimeoutMs, observer };
      const observed = { metrics: observability?.metrics, observation };
      const what = { name, types, aggregates, rules, projections, projectionLeaseMs };
      return new App({ ...what, log, elsewhere, ...how, ...observed });
    } catch (error) {
      await log.close();
      throw error;
    }
  }
}

const OPTIONS: OptionNames<BackstoryOptions> = {
  name: true,
  version: true,
  environment: true,
  store: true,
  state: true,
  aggregates: true,
  events: true,
  subscribers: true,
  projections: true,
  projectionLeaseMs: true,
  rules: true,
  commands: true,
  schedules: true,
  cache: true,
  verifyLoads: true,
  appendTimeoutMs: true,
  observer: true,
  observability: true,
};

const START: OptionNames<StartOptions> = { subscriptions: true, projections: true, schedules: true };

const NAMELESS =
  "needs a name, e.g. { name: 'bank', store: sqlite('bank.db') }: events keep it as their source.";

function requireClasses(option: 'aggregates' | 'events', given: unknown): void {
  const refuse = (problem: string): never => {
    throw new InvalidDefinition('defineBackstory', problem);
  };
  if (typeof given === 'function')
    return refuse(`needs a list of ${option}: write { ${option}: [${given.name}] }.`);
  if (!Array.isArray(given))
    return refuse(`needs a list of ${option}: write { ${option}: […] }, or leave it out.`);
  // Not forEach: it passes over holes.
  for (const [i, cls] of given.entries()) {
    if (cls === undefined)
      refuse(`was given ${option}[${i}], which is undefined: two files that import each other leave it so.`);
    if (typeof cls !== 'function')
      refuse(`was given ${option}[${i}], which is no class: name the class itself.`);
  }
}

/** Each app has a router of its own; this one only shows that the rules can be. */
function checkedRules(given: unknown): readonly Rule[] {
  if (!Array.isArray(given)) throw new InvalidDefinition('defineBackstory', 'needs a list of rules.');
  const rules = given as readonly Rule[];
  new Router(rules);
  return rules;
}

function checkedProjections(given: unknown): readonly ProjectionSource[] {
  if (!Array.isArray(given))
    throw new InvalidDefinition(
      'defineBackstory',
      'needs a list of projections: write { projections: […] }.',
    );
  const projections = given as readonly ProjectionSource[];
  const names = projections.map((it) => projectionName(it));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ProjectionExists(twice);
  return projections;
}

function hasEvents(aggregate: Class<EventSourcedAggregate>): boolean {
  return modelOf(aggregate).types.all.length > 0;
}

function refuseSharedCategories(aggregates: readonly Class<EventSourcedAggregate>[]): void {
  const owners = new Map<string, string>();
  for (const cls of aggregates) {
    const category = modelOf(cls).category;
    const owner = owners.get(category);
    if (owner !== undefined) {
      throw new InvalidDefinition(
        cls.name,
        `has the category "${category}", and so has ${owner}: their streams would mix.`,
      );
    }
    owners.set(category, cls.name);
  }
}
