import type { StoredEvent } from '@backstory/core';
import type { RecordedOutcome } from '@backstory/core/observability';
import { isSystemStream } from '@backstory/core/store';
import { aggregateType } from '../aggregate-type.js';
import { handlerName } from '../handler-name.js';
import { DeclaredMetrics } from '../metrics/declared-metrics.js';
import { Measurements } from '../metrics/measurements.js';
import { measuringEvents } from '../metrics/measuring-events.js';
import type { MetricFrom } from '../metrics/metric-from.js';
import { History } from '../monitor/history.js';
import { Monitor } from '../monitor/monitor.js';
import { SlowestStreams } from '../monitor/slowest-streams.js';
import type { Look } from './value.js';

/** What the past is made of, beside its events. */
export interface PastParts {
  readonly own: readonly MetricFrom[];
  /** By subscription. */
  readonly outcomes: ReadonlyMap<string, readonly RecordedOutcome[]>;
  readonly from: number;
  readonly isDense: boolean;
}

/**
 * Measures the recorded past as the present is measured, as far as it can be known: what was recorded, and what became of it where a
 * subscription kept that. Everything else is unknown, and not zero.
 */
export class Past implements Look {
  events = 0;
  outcomes = 0;
  /** Subscriptions that kept failures only, or nothing. */
  readonly withoutOutcomes: readonly string[];
  private readonly measurements = new Measurements();
  private readonly monitor: Monitor;
  private readonly history: History;
  private readonly measureOwn: (event: StoredEvent) => void;
  private readonly known: ReadonlySet<string>;
  /** Attempts that ended, the latest first. */
  private readonly ended: Ended[];
  private readonly waiting: ReadonlyMap<string, Waiting>;
  private now: number;
  private head = 0;

  constructor(
    private readonly name: string,
    { own, outcomes, from, isDense }: PastParts,
  ) {
    this.now = from;
    this.history = new History(this.measurements, () => this.now);
    this.monitor = new Monitor({
      history: this.history,
      slowest: new SlowestStreams(),
      isMeasured: true,
      apps: () => [],
    });
    this.measureOwn = measuringOwn(this.measurements, own);
    const full = [...outcomes].filter(([, all]) => all.some(isOrdinary)).map(([name]) => name);
    this.withoutOutcomes = [...outcomes.keys()].filter((it) => !full.includes(it));
    this.known = new Set([
      ...RECORDED,
      ...own.map((it) => it.name),
      ...(isDense ? ['backstory.store.events'] : []),
      ...(full.length > 0 ? HANDLED : []),
      ...([...outcomes.values()].some((it) => it.length > 0) ? FAILED : []),
    ]);
    this.ended = endedOf(outcomes, full);
    this.waiting = new Map(full.map((it) => [it, new Waiting(outcomes.get(it)!)]));
  }

  readonly stats = ((...given: Parameters<Monitor['stats']>) =>
    this.monitor.stats(...given)) as Monitor['stats'];
  readonly last = ((...given: Parameters<Monitor['last']>) => this.monitor.last(...given)) as Monitor['last'];

  failures(...given: Parameters<Look['failures']>): ReturnType<Look['failures']> {
    return this.monitor.failures(...given);
  }

  knows(metric: string): boolean {
    return this.known.has(metric);
  }

  /** An event was recorded. */
  add(event: StoredEvent): void {
    const { type, stream, position } = event;
    this.events++;
    this.head = position;
    this.measurements.counter('backstory.events.appended').at(type, aggregateType(stream)).add(1);
    if (isSystemStream(stream)) return;
    this.measurements.counter('backstory.events.published').at(type, this.name).add(1);
    for (const waiting of this.waiting.values()) waiting.recorded(event);
    this.measureOwn(event);
  }

  /** Time goes on, and with it what was handled until then. */
  goTo(now: number): void {
    for (let last = this.ended.at(-1); last && last.at <= now; last = this.ended.at(-1)) {
      this.ended.pop();
      this.handled(last);
    }
    this.now = now;
    const gauge = (name: string, of: string) => this.measurements.gauge(`backstory.${name}`).at(of);
    gauge('store.head_position', this.name).set(this.head);
    if (this.known.has('backstory.store.events')) gauge('store.events', this.name).set(this.head);
    for (const [name, waiting] of this.waiting) {
      const { events, seconds } = waiting.lag(now, this.head);
      gauge('subscription.lag.events', name).set(events);
      gauge('subscription.lag.time', name).set(seconds);
    }
    this.history.turn();
  }

  private handled({ outcome, subscription, isFull }: Ended): void {
    const { state, eventType, attempts, durationMs, error } = outcome;
    const handler = handlerName(subscription, outcome.handler);
    const kind = state === 'handled' ? undefined : (error?.name ?? 'unknown');
    this.outcomes++;
    if (isFull)
      this.measurements
        .histogram('backstory.process.duration')
        .at(eventType, handler, kind)
        .record(durationMs / 1_000);
    if (attempts > 1)
      this.measurements
        .counter('backstory.retry.attempts')
        .at(eventType, handler, kind === undefined ? 'success' : 'failure')
        .add(1);
    if (state === 'dead')
      this.measurements.counter('backstory.dead_letter.moved').at(eventType, handler, kind).add(1);
  }
}

/** What was recorded and, as far as it was kept, not yet handled. */
class Waiting {
  private readonly endedAt = new Map<number, number>();
  private readonly pending = new Map<number, number>();

  constructor(outcomes: readonly RecordedOutcome[]) {
    for (const { position, endedAt } of outcomes)
      this.endedAt.set(position, Math.max(Date.parse(endedAt), this.endedAt.get(position) ?? 0));
  }

  recorded({ position, recordedAt }: StoredEvent): void {
    if (this.endedAt.has(position)) this.pending.set(position, recordedAt.getTime());
  }

  lag(now: number, head: number): { readonly events: number; readonly seconds: number } {
    for (const position of this.pending.keys())
      if (this.endedAt.get(position)! <= now) this.pending.delete(position);
    const [first] = this.pending;
    if (!first) return { events: 0, seconds: 0 };
    const [position, at] = first;
    return { events: head - position + 1, seconds: Math.max(0, now - at) / 1_000 };
  }
}

interface Ended {
  readonly at: number;
  readonly subscription: string;
  readonly outcome: RecordedOutcome;
  readonly isFull: boolean;
}

/** The latest first, so that they are taken from the end. */
function endedOf(outcomes: PastParts['outcomes'], full: readonly string[]): Ended[] {
  const all = [...outcomes].flatMap(([subscription, some]) =>
    some
      .filter(({ state }) => state !== 'skipped' && state !== 'discarded')
      .map((outcome) => ({
        ...{ at: Date.parse(outcome.endedAt), subscription, outcome },
        isFull: full.includes(subscription),
      })),
  );
  return all.sort((a, b) => b.at - a.at);
}

/** What went well at once is kept only where everything is. */
function isOrdinary({ state, attempts }: RecordedOutcome): boolean {
  return state === 'handled' && attempts === 1;
}

function measuringOwn(measurements: Measurements, own: readonly MetricFrom[]): (event: StoredEvent) => void {
  const lost = () => undefined;
  const record = measuringEvents(new DeclaredMetrics(measurements, lost), own, lost)?.ends.record;
  return ({ stream, ...event }) => record?.({ start: { writes: [{ stream, events: [event] }] } } as never);
}

const RECORDED = ['backstory.events.appended', 'backstory.events.published', 'backstory.store.head_position'];
const HANDLED = [
  'backstory.process.duration',
  'backstory.subscription.lag.events',
  'backstory.subscription.lag.time',
];
const FAILED = ['backstory.retry.attempts', 'backstory.dead_letter.moved'];
