import { inTime, logGrowth, type Health, type LogGrowth, type Watched } from '@backstory/core/observability';
import type { History } from './history.js';
import { lastOf as lastBy } from './last-of.js';
import type { SlowLoad, SlowestStreams } from './slowest-streams.js';
import type { Statistics } from './statistics.js';

/** How the applications of a process are doing. What is not known is absent, rather than zero; durations are seconds. */
export interface Dashboard {
  /** When it was collected, as ISO 8601. */
  readonly collectedAt: string;
  /** Of how long rates, durations and errors are. */
  readonly windowMs: number;
  /** Series that are in no rate, duration or error, because there are more than are followed. */
  readonly omitted: number;
  readonly health: Health;
  /** By the second, in this process; absent where nothing is measured. */
  readonly rates: Readonly<Record<keyof typeof RATES, number | undefined>>;
  readonly durations: Readonly<Record<keyof typeof DURATIONS, Durations | undefined>>;
  /** The share that failed, 0 to 1, where there was anything. */
  readonly errors: Readonly<Record<keyof typeof ERRORS, number | undefined>>;
  /** What waits, of all processes; of `appends` in this one. */
  readonly queues: Readonly<Record<keyof typeof QUEUES, number | undefined>>;
  /** Handlers at work in this process; absent where nothing is measured. */
  readonly activeHandlers: number | undefined;
  /** Subscriptions that read no more because what they hold has no room. */
  readonly backPressure: readonly string[];
  /** Subscriptions and projections, by name. */
  readonly consumers: readonly DashboardConsumer[];
  readonly stores: readonly DashboardStore[];
  readonly process: Readonly<Record<keyof typeof PROCESS, number | undefined>>;
  readonly slowest: {
    readonly handlers: readonly Slow[];
    /** Aggregates, by how long they take to be rebuilt. */
    readonly folds: readonly Slow[];
    /** Of the last hour. */
    readonly streams: readonly SlowLoad[];
  };
}

/** How long something took, in seconds. */
export interface Durations {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Something that takes long, on average. */
export interface Slow extends Durations {
  readonly name: string;
}

/** A subscription or projection, as it was last looked at. */
export interface DashboardConsumer {
  readonly name: string;
  readonly state: string | undefined;
  readonly position: number | undefined;
  readonly lag: { readonly events: number; readonly seconds: number } | undefined;
}

/** How much is in the log of an application. */
export interface DashboardStore extends LogGrowth {
  readonly application: string;
  readonly streams?: number;
  /** What the store takes. */
  readonly bytes?: number;
}

const RATES = {
  stored: 'events.appended',
  published: 'events.published',
  handled: 'process.duration',
  commands: 'command.duration',
  retried: 'retry.attempts',
  deadLettered: 'dead_letter.moved',
} as const;
const DURATIONS = {
  command: 'command.duration',
  storing: 'append.duration',
  loading: 'load.duration',
  handling: 'process.duration',
  delivery: 'delivery.latency',
  projecting: 'projection.batch.duration',
} as const;
const ERRORS = {
  commands: 'command.duration',
  storing: 'append.duration',
  handling: 'process.duration',
  projecting: 'projection.batch.duration',
} as const;
const QUEUES = {
  appends: 'append.queue.size',
  retry: 'retry.queue.size',
  dead: 'dead_letter.queue.size',
  buffered: 'subscription.buffer.size',
} as const;
const PROCESS = {
  memoryBytes: 'process.memory',
  cpu: 'process.cpu',
  eventLoopDelay: 'process.event_loop.delay',
} as const;

/** What a dashboard is made of. */
export interface DashboardParts {
  readonly history: History;
  /** `false`: without metrics nothing is known, which is not zero. */
  readonly isMeasured: boolean;
  readonly slowest: SlowestStreams;
  /** The applications that run now. */
  readonly apps: () => Iterable<Watched>;
  readonly monitor: {
    stats(metric: string, options: { readonly windowMs: number }): Statistics;
    stats(
      metric: string,
      options: { readonly windowMs: number; readonly by: string },
    ): ReadonlyMap<string, Statistics>;
    failures(
      metric: string,
      options: { readonly windowMs: number },
    ): { readonly failed: number; readonly count: number };
    health(): Promise<Health>;
  };
  readonly windowMs: number;
}

/** Collects it. */
export async function dashboardOf(parts: DashboardParts): Promise<Dashboard> {
  const { monitor, windowMs, slowest } = parts;
  const collectedAt = new Date().toISOString();
  const [health, stores] = await Promise.all([monitor.health(), storesOf(parts)]);
  const stats = (name: string) => monitor.stats(`backstory.${name}`, { windowMs });
  const now = (name: string) => sum([...lastOf(parts, name).values()]);
  return {
    ...{ collectedAt, windowMs, omitted: parts.history.omitted, health },
    rates: mapped(RATES, (name) => (parts.isMeasured ? stats(name).rate : undefined)),
    durations: mapped(DURATIONS, (name) => durationsOf(stats(name))),
    errors: mapped(ERRORS, (name) => errorsOf(parts, name)),
    queues: mapped(QUEUES, now),
    activeHandlers: parts.isMeasured ? (now('handlers.active') ?? 0) : undefined,
    backPressure: [...lastOf(parts, 'subscription.back_pressure')]
      .filter(([, it]) => it > 0)
      .map(([name]) => name),
    consumers: consumersOf(parts),
    stores,
    process: mapped(PROCESS, now),
    slowest: {
      handlers: slowestBy(parts, 'process.duration', 'backstory.handler'),
      folds: slowestBy(parts, 'load.duration', 'backstory.aggregate.type'),
      streams: slowest.all,
    },
  };
}

function mapped<Name extends string, T>(
  table: Readonly<Record<Name, string>>,
  of: (metric: string) => T,
): Readonly<Record<Name, T>> {
  const entries = Object.entries<string>(table).map(([name, metric]) => [name, of(metric)] as const);
  return Object.fromEntries(entries) as Record<Name, T>;
}

function durationsOf({ count, mean, percentiles }: Statistics): Durations | undefined {
  if (mean === undefined || !percentiles) return undefined;
  const { p50, p95, p99 } = percentiles;
  return { count, mean, p50, p95, p99 };
}

function errorsOf({ monitor, windowMs }: DashboardParts, name: string): number | undefined {
  const { failed, count } = monitor.failures(`backstory.${name}`, { windowMs });
  return count === 0 ? undefined : failed / count;
}

function slowestBy({ monitor, windowMs }: DashboardParts, name: string, by: string): readonly Slow[] {
  return [...monitor.stats(`backstory.${name}`, { windowMs, by })]
    .flatMap(([value, found]) => {
      const durations = durationsOf(found);
      return durations ? [{ name: value, ...durations }] : [];
    })
    .sort((a, b) => b.mean - a.mean)
    .slice(0, 10);
}

/** What a gauge shows now, by the first of its attributes. */
function lastOf({ history }: DashboardParts, name: string): ReadonlyMap<string, number> {
  const instrument = history.instrument(`backstory.${name}`)!;
  return lastBy(instrument, { by: instrument.description.attributes[0] ?? '' });
}

/** Where there are several applications, each consumer is called after its own, as in health. */
function consumersOf(parts: DashboardParts): readonly DashboardConsumer[] {
  const apps = [...parts.apps()].map(({ name }) => name);
  return apps.flatMap((application) =>
    ofApplication(parts, application).map((it) =>
      apps.length === 1 ? it : { ...it, name: `${application}: ${it.name}` },
    ),
  );
}

function ofApplication({ history }: DashboardParts, application: string): readonly DashboardConsumer[] {
  const where = { 'backstory.application': application };
  const [position, events, seconds] = ['position', 'lag.events', 'lag.time'].map((it) =>
    lastBy(history.instrument(`backstory.subscription.${it}`)!, { by: 'backstory.subscription', where }),
  );
  const states = history.instrument('backstory.subscription.state')!.points;
  return [...position!.keys()].sort().map((name) => {
    const is = states.find(
      ({ attributes, series }) =>
        attributes['backstory.subscription'] === name &&
        attributes['backstory.application'] === application &&
        (series as { readonly value: number }).value === 1,
    );
    const lag = { events: events!.get(name) ?? 0, seconds: seconds!.get(name) ?? 0 };
    return {
      name,
      state: is && String(is.attributes['state']),
      position: position!.get(name),
      lag: events!.has(name) ? lag : undefined,
    };
  });
}

async function storesOf(parts: DashboardParts): Promise<readonly DashboardStore[]> {
  const [bytes, streams] = ['store.size', 'store.streams'].map((it) => lastOf(parts, it));
  const all = [...parts.apps()].map(async ({ name, events }) => {
    const growth = await inTime(TIMEOUT_MS, logGrowth(events), { instead: undefined });
    const extent = { streams: streams!.get(name), bytes: bytes!.get(name) };
    return growth && { application: name, ...growth, ...known(extent) };
  });
  const found = await Promise.all(all.map((it) => it.catch(() => undefined)));
  return found.filter((it) => it !== undefined);
}

function known<T extends object>(of: T): { readonly [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(of).filter(([, it]) => it !== undefined)) as ReturnType<
    typeof known<T>
  >;
}

const TIMEOUT_MS = 5_000;

function sum(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((total, it) => total + it, 0);
}
