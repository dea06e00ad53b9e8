import { ROOT_CONTEXT, SpanKind, TraceFlags, context, trace, type SpanContext } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { Context, Recorder } from '@backstory/core';
import {
  guarded,
  silent,
  type HandleStart,
  type KeyParked,
  type ObservedEvent,
} from '@backstory/core/observe';
import { MemoryEventStore } from '@backstory/core/store';
import { Instrument } from './metrics/instrument.js';
import { Counter } from './metrics/series.js';
import { FewNames } from './few-names.js';
import { FlowSampler, Instrumentation, outgoingHeaders } from './index.js';
import { observerOf } from './observer-of.js';

const EVENT: ObservedEvent = {
  ...{ id: 'e-1', type: 'order.placed', stream: 'order-1', position: 1, source: 'shop' },
  ...{ correlationId: 'c-1', causationId: undefined, tenant: undefined },
  ...{ occurredAt: new Date().toISOString(), recordedAt: new Date(), trace: undefined },
};
const HANDLE: HandleStart = {
  ...{ subscription: 'billing', handler: 'bill', attempt: 1, event: EVENT, previous: undefined },
};

async function metricsOf(producer: MetricProducer): Promise<ReadonlyMap<string, MetricData>> {
  const { resourceMetrics } = await producer.collect();
  const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  return new Map(all.map((it) => [it.descriptor.name, it]));
}

function append(instrumentation: Instrumentation, stream = 'order-1', expected: 'any' | 'none' = 'any') {
  const recorder = new Recorder(store, { source: 'shop', observer: instrumentation.observer });
  return recorder.record([{ stream, expected, events: [{ type: 'order.placed', data: '{}' }] }]);
}
let store: MemoryEventStore;
beforeEach(() => (store = new MemoryEventStore()));

describe('measurements', () => {
  test('events are counted when they are recorded, once, with who recorded them', async () => {
    const instrumentation = new Instrumentation();
    await append(instrumentation);
    await append(instrumentation);
    await expect(append(instrumentation, 'order-1', 'none')).rejects.toThrow();
    const found = await metricsOf(instrumentation.metricProducer);
    const of = (name: string) =>
      found.get(`backstory.${name}`)!.dataPoints.map((it) => [it.attributes, it.value]);
    const type = { 'backstory.event.type': 'order.placed' };
    expect(of('events.appended')).toEqual([[{ ...type, 'backstory.aggregate.type': 'order' }, 2]]);
    expect(of('events.published')).toEqual([[{ ...type, source: 'shop' }, 2]]);
    expect(of('append.conflicts')).toEqual([[{ 'backstory.aggregate.type': 'order' }, 1]]);
    expect(of('append.duration')).toMatchObject([
      [{ 'backstory.aggregate.type': 'order' }, { count: 2 }],
      [{ 'backstory.aggregate.type': 'order', 'error.type': 'concurrency_conflict' }, { count: 1 }],
    ]);
  });

  test('what telling costs is measured now and then', async () => {
    const { observer, metricProducer } = new Instrumentation({ tracer: false });
    const route = { rule: 'r', target: 't', eventType: 'e', result: 'matched' } as const;
    for (let i = 0; i < 1_024; i++) observer.route(() => route);
    const { dataPoints } = (await metricsOf(metricProducer)).get('backstory.telemetry.self.duration')!;
    expect(dataPoints).toMatchObject([{ attributes: { signal: 'metrics' }, value: { count: 1 } }]);
  });

  test('a handler is at work until it has ended, however it ends', async () => {
    const { observer, metricProducer } = new Instrumentation();
    const active = async () =>
      (await metricsOf(metricProducer)).get('backstory.handlers.active')!.dataPoints[0]!.value;
    let during: unknown;
    await observer.handle(
      () => HANDLE,
      async () => void (during = await active()),
    );
    const failing = observer.handle(
      () => ({ ...HANDLE, attempt: 2 }),
      () => Promise.reject(new TypeError('x')),
    );
    await expect(failing).rejects.toThrow('x');
    expect([during, await active()]).toEqual([1, 0]);
    const handled = (await metricsOf(metricProducer)).get('backstory.process.duration')!.dataPoints;
    const labels = { 'backstory.event.type': 'order.placed', 'backstory.handler': 'billing.bill' };
    expect(handled.map(({ attributes }) => attributes)).toEqual([
      labels,
      { ...labels, 'error.type': 'TypeError' },
    ]);
  });

  test('a batch of a projection counts without what it waited, and one that was dropped not at all', async () => {
    const { observer, metricProducer } = new Instrumentation();
    const start = () => ({
      ...{ projection: 'orders', generation: 1, isBuilding: false, from: 1, to: 3, events: 3 },
      ...{ recordedAt: new Date(), traces: () => [] },
    });
    const project = (waitedMs: number, isDropped: boolean) =>
      observer.project(start, async (end) => end(() => ({ applied: 2, skipped: 1, waitedMs, isDropped })));
    await project(1e9, false);
    await project(0, true);
    const found = await metricsOf(metricProducer);
    const [took] = found.get('backstory.projection.batch.duration')!.dataPoints;
    expect(took!.value).toMatchObject({ count: 1, sum: expect.closeTo(-1e6, -2) });
    const counted = found.get('backstory.projection.events')!.dataPoints;
    expect(counted.map(({ attributes, value }) => [attributes['result'], value])).toEqual([
      ['applied', 2],
      ['skipped', 1],
    ]);
  });

  test('what somebody has tried again counts by what came of it', async () => {
    const { observer, metricProducer } = new Instrumentation();
    const about = {
      ...{ subscription: 'billing', handler: 'bill', eventId: 'e-1', eventType: 'order.placed' },
      ...{ reason: 'poison', error: 'x', errorType: 'TypeError' },
    };
    const park = (
      key: string,
      state: KeyParked['state'],
      was?: 'dead' | 'draining',
      leftOut?: KeyParked['leftOut'],
    ) => observer.park(() => ({ ...about, key, state, was, ...(leftOut && { leftOut }) }));
    for (const key of ['a', 'b', 'c', 'd', 'e']) park(key, 'dead');
    for (const key of ['a', 'b']) park(key, 'draining', 'dead');
    park('a', 'released', 'draining');
    park('b', 'dead', 'draining');
    park('c', 'released', 'dead', 'discard');
    park('d', 'draining', 'dead', 'skip');
    park('d', 'released', 'draining');
    park('e', 'draining', 'dead');
    park('e', 'released', 'draining', 'discard');
    const found = await metricsOf(metricProducer);
    const valuesOf = (name: string) =>
      found.get(name)!.dataPoints.map((it) => [it.attributes['outcome'], it.value]);
    expect(valuesOf('backstory.dead_letter.reprocessed')).toEqual([
      ['success', 1],
      ['failure', 1],
    ]);
    expect(found.get('backstory.dead_letter.moved')!.dataPoints[0]!.value).toBe(6);
  });

  test('the same values give the same series, and beyond the limit all that is new is one', () => {
    const description = { name: 'x', kind: 'counter', unit: '1', help: '', attributes: ['a', 'b'] } as const;
    const instrument = new Instrument(description, () => new Counter(), 2);
    expect(instrument.at('1', '2')).toBe(instrument.at('1', '2'));
    expect(instrument.at('1')).not.toBe(instrument.at('1', '2'));
    expect(instrument.at('3')).toBe(instrument.at('4', '5'));
    expect(instrument.points.map(({ attributes }) => attributes)).toEqual([
      { a: '1', b: '2' },
      { a: '1' },
      { 'otel.metric.overflow': true },
    ]);
  });

  test('names that callers choose are kept as long as there are few', () => {
    const names = new FewNames(2);
    expect(['a', 'b', 'c', 'a'].map((it) => names.of(it))).toEqual(['a', 'b', 'other', 'a']);
  });

  test('a meter of another SDK is given every value, a reader of one may collect them', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const instrumentation = new Instrumentation({ meter: provider.getMeter('test') });
    await append(instrumentation);
    instrumentation.observer.appendBatch(() => BATCH);
    await reader.forceFlush();
    const given = exporter.getMetrics()[0]!.scopeMetrics[0]!.metrics;
    await provider.shutdown();
    const collected = await metricsOf(instrumentation.metricProducer);
    expect(given.map(({ descriptor }) => descriptor.name).sort()).toEqual([...collected.keys()].sort());
    for (const { descriptor, dataPoints } of given) {
      const own = collected.get(descriptor.name)!;
      expect([descriptor.name, own.dataPoints.map((it) => [it.attributes, it.value])]).toEqual([
        descriptor.name,
        dataPoints.map((it) => [it.attributes, it.value]),
      ]);
    }
  });

  test('where nobody wants them nothing is measured', async () => {
    const { observer, metricProducer } = new Instrumentation({ metrics: false, tracer: false });
    expect(await metricsOf(metricProducer)).toEqual(new Map());
    const facts = jest.fn(() => HANDLE);
    await observer.handle(facts, async () => undefined);
    observer.appendBatch(facts as never);
    expect(facts).not.toHaveBeenCalled();
    expect(observer.trace()).toBeUndefined();
  });

  test('a listener that throws keeps the others from nothing, and is counted', async () => {
    const heard: string[] = [];
    const throwing = () => {
      throw new Error('listener');
    };
    const observer = observerOf({
      took: () => undefined,
      listeners: [
        {
          signal: 'traces',
          begins: { handle: throwing },
          ends: { handle: throwing },
          told: { page: throwing },
        },
        {
          signal: 'logs',
          begins: {},
          ends: { handle: () => heard.push('handle') },
          told: { page: () => heard.push('page') },
        },
      ],
      trace: silent.trace,
      dropped: (signal) => heard.push(`dropped ${signal}`),
    });
    expect(
      await observer.handle(
        () => HANDLE,
        async () => 7,
      ),
    ).toBe(7);
    observer.page(() => ({ follower: 'x', events: 0, through: 0 }));
    expect(heard).toEqual(['dropped traces', 'dropped traces', 'handle', 'dropped traces', 'page']);
  });

  test('facts that cannot be told, and a trace that cannot be read, are dropped; the work is done once, as it ends', async () => {
    const heard: string[] = [];
    const throwing = () => {
      throw new Error('facts');
    };
    const handle = ({ end }: { readonly end: unknown }) => heard.push(end ? 'an end' : 'handle');
    const listener = { signal: 'logs', begins: {}, ends: { handle } } as const;
    const observer = observerOf({
      ...{ took: () => undefined, trace: throwing, dropped: (signal) => heard.push(`dropped ${signal}`) },
      listeners: [{ ...listener, told: { page: () => heard.push('page') } }],
    });
    expect(guarded(observer)).toBe(observer);
    let worked = 0;
    expect(await observer.handle(throwing, async () => ++worked)).toBe(1);
    expect(
      await observer.handle(
        () => HANDLE,
        async (end) => {
          end(throwing);
          return ++worked;
        },
      ),
    ).toBe(2);
    const failing = async () => {
      throw new RangeError('work');
    };
    await expect(observer.handle(throwing, failing)).rejects.toThrow('work');
    const atOnce = () => throwing() as Promise<never>;
    await expect(observer.handle(() => HANDLE, atOnce)).rejects.toThrow('facts');
    observer.page(throwing);
    expect(observer.trace()).toBeUndefined();
    const [missed, ended] = ['dropped logs', 'handle'];
    expect(heard).toEqual([missed, missed, ended, missed, ended, missed]);
  });
});

const BATCH = {
  ...{ batchId: 'b', store: 'memory', appends: 1, events: 1, bytes: 2, failed: 0, traces: [] },
  ...{ waitedMs: 1, durationMs: 2, lockWaitMs: 0, clockAheadMs: 0, queued: 0 },
};

describe('the sampler of flows', () => {
  const span = (traceFlags: number): SpanContext => ({
    ...{ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags },
  });
  const ask = (sampler: FlowSampler, parent = ROOT_CONTEXT, linked: readonly SpanContext[] = []) => {
    const links = linked.map((it) => ({ context: it }));
    const { decision } = sampler.shouldSample(parent, 'a'.repeat(32), 'x', SpanKind.INTERNAL, {}, links);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  };

  test('takes about as many flows as it is to, always the same ones, and more of them at a higher rate', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `order-${i}`);
    const taken = (rate: number) => ids.filter((id) => new FlowSampler(rate).takes(id));
    expect(taken(0)).toEqual([]);
    expect(taken(1)).toEqual(ids);
    expect(taken(0.1).length).toBeGreaterThan(850);
    expect(taken(0.1).length).toBeLessThan(1_150);
    const half = new Set(taken(0.5));
    expect(taken(0.1).filter((id) => !half.has(id))).toEqual([]);
  });

  test('goes by a parent, or else a link, whatever its rate', () => {
    for (const sampler of [new FlowSampler(0), new FlowSampler(1)]) {
      for (const flags of [TraceFlags.NONE, TraceFlags.SAMPLED]) {
        const isTaken = flags === TraceFlags.SAMPLED;
        expect(ask(sampler, trace.setSpanContext(ROOT_CONTEXT, span(flags)))).toBe(isTaken);
        expect(ask(sampler, ROOT_CONTEXT, [span(flags)])).toBe(isTaken);
      }
    }
  });

  test('decides about spans of others by their trace, and refuses a rate that is none', () => {
    expect(ask(new FlowSampler(1))).toBe(true);
    expect(ask(new FlowSampler(0))).toBe(false);
    for (const rate of [-0.1, 1.1, NaN, '1' as never])
      expect(() => new FlowSampler(rate)).toThrow(/sampleRate/);
    expect(String(new FlowSampler(0.1))).toBe('FlowSampler{0.1}');
  });
});

describe('headers for others', () => {
  beforeAll(() => context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
  afterAll(() => context.disable());
  const [traceId, spanId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

  test('carry the flow and the trace that is active, on request as B3', () => {
    const active = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
    const came = {
      correlationId: 'c-1',
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      tracestate: 'a=b',
    };
    Context.of(came).run(() => {
      const headers = { 'x-correlation-id': 'c-1', traceparent: `00-${traceId}-${spanId}-01` };
      expect(context.with(active, () => outgoingHeaders())).toEqual(headers);
      expect(context.with(active, () => outgoingHeaders({ b3: 'single' }))).toEqual({
        ...headers,
        b3: `${traceId}-${spanId}-1`,
      });
      expect(outgoingHeaders()).toEqual({
        'x-correlation-id': 'c-1',
        traceparent: came.traceparent,
        tracestate: 'a=b',
      });
    });
  });
});
