import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  checkedHealthOptions,
  healthFrom,
  healthOf,
  type Health,
  type HealthCheck,
  type HealthOptions,
  type Watched,
} from '@backstory/core/observability';
import { InvalidOption, knownOptions, numberOption } from '@backstory/core/store';
import { dashboardOf, type Dashboard, type DashboardParts } from './dashboard.js';
import type { Instrument } from '../metrics/instrument.js';
import type { Followed } from './history.js';
import { lastOf } from './last-of.js';
import { KEPT_MS } from './series-history.js';
import { statisticsOf, type Statistics } from './statistics.js';

/** What of a metric is asked for. */
export interface StatisticsOptions {
  /** How far back, in milliseconds. Default 300,000, an hour at most. */
  readonly windowMs?: number;
  /** Only series with these values: `{ 'backstory.handler': 'billing.bill' }`. */
  readonly where?: Readonly<Record<string, string>>;
}

/** What a monitor looks at. */
export type MonitorParts = Omit<DashboardParts, 'monitor' | 'windowMs'>;

/**
 * Says how the applications of this process are doing: numbers of the last hour, and whether they are well. `observability.monitor` is
 * one.
 */
export class Monitor {
  /**
   * Answers requests for `/health/live` (the process answers), `/health/ready` (its stores do) and `/health` (everything), wherever they
   * are mounted: 200, or 503 where something is `failed` or `unknown`; with the checks as JSON.
   */
  readonly healthHandler = (request: IncomingMessage, response: ServerResponse): void => {
    void this.answer(request, response);
  };

  /** Answers with the dashboard as JSON. It names streams: do not show it to everybody. */
  readonly dashboardHandler = (_request: IncomingMessage, response: ServerResponse): void => {
    void this.shared('dashboard', () => this.dashboard()).then(
      (found) => send(response, 200, found),
      (error: unknown) => send(response, 503, { error: String(error) }),
    );
  };

  private readonly looking = new Map<string, Promise<unknown>>();

  /** Of `observability`. @throws InvalidOption */
  constructor(
    private readonly parts: MonitorParts,
    private readonly limits: HealthOptions = {},
  ) {
    checkedHealthOptions(limits);
  }

  /** What a metric, of the framework or of the application, measured in the last minutes. @throws InvalidOption */
  stats(metric: string, options?: StatisticsOptions): Statistics;
  /** The same apart by the values of an attribute; a series without it is under ''. @throws InvalidOption */
  stats(
    metric: string,
    options: StatisticsOptions & { readonly by: string },
  ): ReadonlyMap<string, Statistics>;
  stats(
    metric: string,
    options: StatisticsOptions & { readonly by?: string } = {},
  ): Statistics | ReadonlyMap<string, Statistics> {
    const { windowMs = 300_000, where = {}, by } = knownOptions(options, OPTIONS);
    numberOption('windowMs', windowMs, 1, KEPT_MS);
    const { history } = this.parts;
    const instrument = this.instrument(metric, { where, by });
    const { description } = instrument;
    const now = history.clock();
    const series = history
      .framesOf(instrument, now - windowMs)
      .filter(({ attributes }) => Object.entries(where).every(([name, it]) => attributes[name] === it));
    // Of whole intervals, some of which are a minute: what was measured before the window is in the first.
    const begins = series.flatMap(({ frames = [] }) => frames.map(({ at, seconds }) => at - seconds * 1_000));
    const from = begins.reduce((first, it) => Math.min(first, it), history.beginOf(now - windowMs));
    const seconds = Math.max(0, now - from) / 1_000;
    const of = (some: readonly Followed[]) =>
      statisticsOf(
        description,
        some.map(({ frames }) => frames),
        { seconds, clock: history.clock },
      );
    if (by === undefined) return of(series);
    const valueOf = ({ attributes }: Followed) => String(attributes[by] ?? '');
    const values = [...new Set(series.map(valueOf))];
    return new Map(values.map((value) => [value, of(series.filter((it) => valueOf(it) === value))]));
  }

  /** Whether there is such a metric. */
  knows(metric: string): boolean {
    return this.parts.history.instrument(metric) !== undefined;
  }

  /** What a gauge shows now, its series added up; `undefined` where it shows nothing. @throws InvalidOption */
  last(metric: string, options?: Pick<StatisticsOptions, 'where'>): number | undefined;
  /** The same apart by the values of an attribute. @throws InvalidOption */
  last(
    metric: string,
    options: Pick<StatisticsOptions, 'where'> & { readonly by: string },
  ): ReadonlyMap<string, number>;
  last(
    metric: string,
    options: Pick<StatisticsOptions, 'where'> & { readonly by?: string } = {},
  ): number | undefined | ReadonlyMap<string, number> {
    const { where = {}, by } = knownOptions(options, LAST);
    const values = lastOf(this.instrument(metric, { where, by }), { where, by: by ?? '' });
    return by === undefined ? values.get('') : values;
  }

  /**
   * How many of what a metric measures with an `error.type` or `outcome` failed, and of how many. A decision against a command, and a
   * conflict that it gave in to, are no failures. @throws InvalidOption
   */
  failures(
    metric: string,
    options: StatisticsOptions = {},
  ): { readonly failed: number; readonly count: number } {
    const { attributes } = this.instrument(metric).description;
    const by = attributes.includes('outcome') ? 'outcome' : 'error.type';
    const isFailure = (value: string) => (by === 'outcome' ? value === 'failed' : value !== '');
    const groups = [...this.stats(metric, { ...options, by })];
    const countOf = (some: typeof groups) => some.reduce((sum, [, { count }]) => sum + count, 0);
    return { failed: countOf(groups.filter(([value]) => isFailure(value))), count: countOf(groups) };
  }

  /** Everything that a dashboard shows, in one call. Never rejects because of a store: what cannot be read is absent. */
  dashboard({ windowMs = 300_000 }: Pick<StatisticsOptions, 'windowMs'> = {}): Promise<Dashboard> {
    numberOption('windowMs', windowMs, 1, KEPT_MS);
    return dashboardOf({ ...this.parts, monitor: this, windowMs });
  }

  /** Whether the applications of this process are well, and every part of them. Never rejects. */
  async health(): Promise<Health> {
    const all = await this.each((app) => healthOf(app, this.limits));
    return healthFrom(all.length === 0 ? [NOTHING_RUNS] : all);
  }

  /** Whether the stores answer: whether a request could be served. Never rejects. */
  async readiness(): Promise<Health> {
    const none = { list: async () => [], parked: async () => [] };
    const all = await this.each(({ events }) =>
      healthOf({ events, subscriptions: none, projections: none }, this.limits),
    );
    return healthFrom(all.length === 0 ? [NOTHING_RUNS] : all);
  }

  private instrument(
    metric: string,
    { where = {}, by }: Pick<StatisticsOptions, 'where'> & { readonly by?: string | undefined } = {},
  ): Instrument {
    const instrument = this.parts.history.instrument(metric);
    if (!instrument) throw new InvalidOption('metric', `there is none called ${metric}.`);
    const { attributes } = instrument.description;
    for (const name of [...Object.keys(where), ...(by === undefined ? [] : [by])]) {
      if (attributes.includes(name)) continue;
      const there = attributes.join(', ') || 'nothing';
      throw new InvalidOption(name, `does not tell series of ${metric} apart: ${there} does.`);
    }
    return instrument;
  }

  private async each(look: (app: Watched) => Promise<Health>): Promise<readonly HealthCheck[]> {
    const apps = [...this.parts.apps()];
    const found = await Promise.all(apps.map(look));
    return found.flatMap(({ checks }, i) =>
      checks.map((check) =>
        apps.length === 1 ? check : { ...check, name: `${apps[i]!.name}: ${check.name}` },
      ),
    );
  }

  /** However many ask, and however slow the stores are, one looks. */
  private shared<Found>(what: string, look: () => Promise<Found>): Promise<Found> {
    const underWay = this.looking.get(what) as Promise<Found> | undefined;
    if (underWay) return underWay;
    const looking = look().finally(() => this.looking.delete(what));
    this.looking.set(what, looking);
    return looking;
  }

  private async answer({ url = '', method }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ''] = url.split('?');
    const probe = PROBE.exec(path);
    if (!probe) return send(response, 404, { error: `no ${path} here` });
    if (method !== 'GET' && method !== 'HEAD') return send(response, 405, { error: 'only GET and HEAD' });
    const [, which] = probe;
    if (which === 'live') return send(response, 200, healthFrom([]));
    const found = await (which === 'ready'
      ? this.shared('ready', () => this.readiness())
      : this.shared('health', () => this.health()));
    send(response, found.status === 'ok' || found.status === 'degraded' ? 200 : 503, found);
  }
}

/** Under any path that ends in `/health`, or at the root of a server that mounts it. */
const PROBE = /^(?:.*\/health)?\/?(live|ready)?$/;
const OPTIONS = { windowMs: true, where: true, by: true } as const;
const LAST = { where: true, by: true } as const;
const NOTHING_RUNS: HealthCheck = {
  name: 'application',
  status: 'failed',
  why: 'none is running: it has not started, or is closing',
};

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}
