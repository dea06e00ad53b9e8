import { get } from 'node:http';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { Registry } from 'prom-client';
import { Recorder, memory } from '@backstory/core';
import { Instrumentation, PrometheusReader, intoPromClient } from '@backstory/observability';
import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate, defineBackstory } from 'backstory';
import { eventually } from '../support/eventually.js';
import { openShop } from '../support/observed-shop.js';
import { scraped } from '../support/scraped.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

async function shopWithReader() {
  const made = await scraped();
  closing.push(() => made.close());
  return made;
}

/** What each family is called, and its type. */
function typesIn(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`).sort();
}

function value(text: string, series: string): number | undefined {
  const line = text.split('\n').find((it) => it.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

test('metrics have exactly these names', async () => {
  const { text } = await shopWithReader();
  expect(typesIn(await text())).toEqual([
    'backstory_append_batch_duration_seconds histogram',
    'backstory_append_batch_fill histogram',
    'backstory_append_batch_size histogram',
    'backstory_append_batch_wait_seconds histogram',
    'backstory_append_clock_held_back_seconds gauge',
    'backstory_append_conflicts_total counter',
    'backstory_append_lock_wait_seconds histogram',
    'backstory_append_queue_size gauge',
    'backstory_command_duration_seconds histogram',
    'backstory_dead_letter_oldest_age_seconds gauge',
    'backstory_delivery_latency_seconds histogram',
    'backstory_load_duration_seconds histogram',
    'backstory_load_events histogram',
    'backstory_process_cpu gauge',
    'backstory_process_event_loop_delay_seconds gauge',
    'backstory_process_memory_bytes gauge',
    'backstory_process_memory_share gauge',
    'backstory_projection_batch_duration_seconds histogram',
    'backstory_projection_batch_size histogram',
    'backstory_projection_events_total counter',
    'backstory_projection_progress gauge',
    'backstory_retry_queue_oldest_age_seconds gauge',
    'backstory_snapshot_duration_seconds histogram',
    'backstory_snapshot_lookups_total counter',
    'backstory_store_events gauge',
    'backstory_store_head_position gauge',
    'backstory_store_size_bytes gauge',
    'backstory_store_streams gauge',
    'backstory_subscription_back_pressure gauge',
    'backstory_subscription_buffer_capacity gauge',
    'backstory_subscription_buffer_size gauge',
    'backstory_subscription_checkpoint_age_seconds gauge',
    'backstory_subscription_lag_events gauge',
    'backstory_subscription_lag_time_seconds gauge',
    'backstory_subscription_position gauge',
    'backstory_subscription_state gauge',
    'backstory_telemetry_dropped_total counter',
    'events_dead_letter_queue_size gauge',
    'events_dead_lettered_total counter',
    'events_handled_total counter',
    'events_handlers_active gauge',
    'events_handling_duration_seconds histogram',
    'events_handling_errors_total counter',
    'events_published_duration_seconds histogram',
    'events_published_total counter',
    'events_retried_total counter',
    'events_retry_failed_total counter',
    'events_retry_queue_size gauge',
    'events_retry_queued_total counter',
    'events_storage_duration_seconds histogram',
    'events_storage_errors_total counter',
    'events_stored_total counter',
    'target_info gauge',
  ]);
});

test('values are told apart by few labels, and what the durations count is not counted twice', async () => {
  const { text } = await shopWithReader();
  const body = await text();
  expect(value(body, 'events_published_total{event_type="order.placed",source="shop"}')).toBe(5);
  expect(value(body, 'events_stored_total{event_type="order.placed",aggregate_type="order"}')).toBe(5);
  const billing = 'event_type="order.placed",handler="billing.bill"';
  const capacity = 'backstory_subscription_buffer_capacity{subscription="billing",application="shop"}';
  expect(value(body, capacity)).toBe(1_000);
  expect(value(body, `events_handled_total{${billing},status="error"}`)).toBe(3);
  expect(value(body, `events_handling_errors_total{${billing},error_type="TypeError"}`)).toBe(3);
  const handled = value(body, `events_handled_total{${billing},status="success"}`)!;
  expect(value(body, `events_handling_duration_seconds_count{${billing}}`)).toBe(3 + handled);
  expect(value(body, `events_handling_duration_seconds_bucket{${billing},le="+Inf"}`)).toBe(3 + handled);
  expect(value(body, `events_retried_total{${billing}}`)).toBe(2);
  expect(value(body, `events_retry_failed_total{${billing}}`)).toBe(1);
  expect(value(body, `events_dead_lettered_total{${billing},error_type="TypeError"}`)).toBe(1);
  expect(
    value(
      body,
      'events_dead_letter_queue_size{subscription="billing",handler="billing.bill",application="shop"}',
    ),
  ).toBe(1);
  expect(
    value(body, 'events_storage_errors_total{aggregate_type="order",error_type="concurrency_conflict"}'),
  ).toBe(1);
  expect(body).toContain('target_info{service_name="shop",service_version="1.4.0"} 1\n');
});

test.each([
  [undefined, 'text/plain; version=0.0.4; charset=utf-8'],
  ['*/*', 'text/plain; version=0.0.4; charset=utf-8'],
  ['text/plain', 'text/plain; version=0.0.4; charset=utf-8'],
  ['text/plain;q=0.9,application/openmetrics-text;q=0.1', 'text/plain; version=0.0.4; charset=utf-8'],
  ['application/openmetrics-text;q=0', 'text/plain; version=0.0.4; charset=utf-8'],
  [OPENMETRICS, 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
])('a request that accepts %s is given %s', async (accept, contentType) => {
  const { metricProducer } = new Instrumentation();
  const reader = new PrometheusReader({ metricProducers: [metricProducer] });
  new MeterProvider({ readers: [reader] });
  expect((await reader.metrics(accept)).contentType).toBe(contentType);
});

test('OpenMetrics calls counters without their ending, writes bounds in one way, and says where it ends', async () => {
  const { text } = await shopWithReader();
  const body = await text(OPENMETRICS);
  expect(body).toContain('# TYPE events_published counter\n');
  expect(body).toContain('\nevents_published_total{event_type="order.placed",source="shop"} 5\n');
  expect(body).toMatch(/\nevents_handling_duration_seconds_bucket\{[^}]*le="1\.0"\} /);
  expect(body.endsWith('# EOF\n')).toBe(true);
});

test('values and names of others are written so that they are read back', async () => {
  const reader = new PrometheusReader();
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('own');
  meter
    .createCounter('2nd.orders', { unit: '{order}', description: 'back\\slash\nnew' })
    .add(2, { 'a.b': 'x"y\\z\n' });
  meter.createGauge('temperature', { unit: 'Cel' }).record(NaN);
  meter.createHistogram('wait', { unit: 'ms' }).record(3, { of: 'x' });
  const { body } = await reader.metrics();
  expect(body).toContain('# HELP _2nd_orders_total back\\\\slash\\nnew\n# TYPE _2nd_orders_total counter\n');
  expect(body).toContain('\n_2nd_orders_total{a_b="x\\"y\\\\z\\n"} 2\n');
  expect(body).toContain('\ntemperature NaN\n');
  expect(body).toContain('\nwait_milliseconds_count{of="x"} 1\n');
  await provider.shutdown();
});

test('a tiny server answers for metrics, and nothing else; a taken port is said', async () => {
  const { reader } = await shopWithReader();
  const server = await reader.listen({ port: 0, host: '127.0.0.1' });
  closing.push(() => server.close());
  const url = `http://127.0.0.1:${server.port}`;
  const response = await fetch(`${url}/metrics`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  expect(await response.text()).toContain('events_published_total');
  expect((await fetch(`${url}/other`)).status).toBe(404);
  await expect(reader.listen({ port: server.port, host: '127.0.0.1' })).rejects.toThrow('EADDRINUSE');
});

test('a scrape that fails is an answer, not a crash', async () => {
  const reader = new PrometheusReader();
  const server = await reader.listen({ port: 0, host: '127.0.0.1' });
  closing.push(() => server.close());
  const status = await new Promise((resolve) =>
    get(`http://127.0.0.1:${server.port}/metrics`, (response) => {
      response.resume();
      resolve(response.statusCode);
    }),
  );
  expect(status).toBe(503);
});

test('a registry of prom-client gives them with its own', async () => {
  const { reader, text } = await shopWithReader();
  const registry = new Registry();
  await intoPromClient(reader, registry);
  await intoPromClient(reader, registry);
  const given = await registry.metrics();
  const own = await text();
  expect(typesIn(given)).toEqual(typesIn(own));
  const published = 'events_published_total{event_type="order.placed",source="shop"}';
  expect(value(given, published)).toBe(value(own, published));
  const infinite = (body: string) => (body.match(/le="\+Inf"/g) ?? []).length;
  expect(infinite(given)).toBe(infinite(own));
});

describe('the sampler', () => {
  test('sees from outside how far a consumer is behind, also when nobody runs it, and forgets what is gone', async () => {
    const instrumentation = new Instrumentation({ sampleEveryMs: 20 });
    const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
    const provider = new MeterProvider({ readers: [reader] });
    const shop = await openShop({ observer: instrumentation.observer });
    closing.push(async () => {
      await instrumentation.shutdown();
      await shop.close();
      await provider.shutdown();
    });
    await shop.order('1');
    await shop.settled();
    await shop.app.subscriptions.remove('billing');
    await shop.order('2');
    await shop.order('3');
    const end = instrumentation.watch(shop.app);
    const metric = async (series: string) => value((await reader.metrics()).body, series);
    const head = await eventually(() => metric('backstory_store_head_position{store="shop"}'));
    await eventually(
      async () =>
        ((await metric('backstory_subscription_lag_events{subscription="billing",application="shop"}')) ??
          0) >= 2,
    );
    await eventually(
      async () =>
        ((await metric(
          'backstory_subscription_lag_time_seconds{subscription="billing",application="shop"}',
        )) ?? 0) > 0,
    );
    expect(
      await metric('backstory_subscription_state{subscription="billing",state="stopped",application="shop"}'),
    ).toBe(1);
    expect(
      await metric('backstory_subscription_state{subscription="billing",state="live",application="shop"}'),
    ).toBe(0);
    await eventually(
      async () =>
        (await metric(
          'backstory_subscription_position{subscription="projection orders",application="shop"}',
        ))! >= head,
    );
    expect(await metric('backstory_process_memory_bytes')).toBeGreaterThan(1_000_000);
    await end();
  });

  test('tells two applications of one process apart, and of what was dropped that it is nothing yet', async () => {
    const instrumentation = new Instrumentation({ sampleEveryMs: 10 });
    const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
    const provider = new MeterProvider({ readers: [reader] });
    const watched = (name: string, events: number) => ({
      name,
      events: {
        identity: async () => ({ logId: 'l', epoch: 1, epochStart: 0, head: 7 }),
        ...{ capabilities: { densePositions: false } as never, readAll: undefined as never },
      },
      subscriptions: {
        list: async () => [
          {
            ...{ name: 'billing', state: 'live', position: 7 - events, lag: { events, seconds: 1 } },
            ...{ parked: { retrying: 0, dead: 0 }, members: [] },
          },
        ],
        parked: async () => [],
      },
      projections: { list: async () => [] },
    });
    const ends = [watched('shop', 1), watched('bank', 5)].map((it) => instrumentation.watch(it));
    const lag = 'backstory_subscription_lag_events{subscription="billing",application=';
    const body = await eventually(async () => {
      const text = (await reader.metrics()).body;
      return text.includes(`${lag}"bank"}`) && text;
    });
    expect([value(body, `${lag}"shop"}`), value(body, `${lag}"bank"}`)]).toEqual([1, 5]);
    for (const signal of ['metrics', 'traces', 'logs', 'alerts'])
      expect(value(body, `backstory_telemetry_dropped_total{signal="${signal}"}`)).toBe(0);
    const { consumers } = await instrumentation.monitor.dashboard();
    expect(consumers.map(({ name, lag: { events } = { events: 0, seconds: 0 } }) => [name, events])).toEqual([
      ['shop: billing', 1],
      ['bank: billing', 5],
    ]);
    for (const end of ends) await end();
    await instrumentation.shutdown();
    await provider.shutdown();
  });

  test('shows nothing of what cannot be read, rather than zero', async () => {
    const instrumentation = new Instrumentation({ sampleEveryMs: 10 });
    const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
    const provider = new MeterProvider({ readers: [reader] });
    let isAway = false;
    const identity = async () => {
      if (isAway) throw new Error('away');
      return { logId: 'l', epoch: 1, epochStart: 0, head: 7 };
    };
    const nothing = { list: async () => [], parked: async () => [] };
    instrumentation.watch({
      name: 'shop',
      events: { identity, capabilities: { densePositions: false } as never, readAll: undefined as never },
      ...{ subscriptions: nothing, projections: nothing },
    });
    closing.push(async () => {
      await instrumentation.shutdown();
      await provider.shutdown();
    });
    const head = async () =>
      value((await reader.metrics()).body, 'backstory_store_head_position{store="shop"}');
    await eventually(async () => (await head()) === 7);
    isAway = true;
    await eventually(async () => (await head()) === undefined);
    isAway = false;
    await eventually(async () => (await head()) === 7);
  });
});

test('a load that fails because an event cannot be folded is counted by what is wrong with it', async () => {
  @DomainEvent('gauge.read', {
    version: 2,
    upcast: {
      1: () => {
        throw new RangeError('too old');
      },
    },
  })
  class GaugeRead {
    constructor(readonly value: number) {}
  }
  @DomainEvent('gauge.lost')
  class GaugeLost {}
  @Aggregate('gauge')
  class Gauge extends EventSourcedAggregate {
    @EventHandler(GaugeRead) protected read({ value }: GaugeRead) {
      if (value < 0) throw new RangeError('below zero');
    }
  }
  const instrumentation = new Instrumentation();
  const { observer } = instrumentation;
  const definition = { name: 'gauges', store: memory(), aggregates: [Gauge], events: [GaugeLost], observer };
  const app = await defineBackstory(definition).start();
  closing.push(() => app.close());
  const recorder = new Recorder(app.events, { source: 'another' });
  const record = (id: string, type: string, data: string, schemaVersion: number) =>
    recorder.record([{ stream: `gauge-${id}`, expected: 'none', events: [{ type, schemaVersion, data }] }]);
  await record('good', 'gauge.read', '{"value":1}', 2);
  await record('below', 'gauge.read', '{"value":-1}', 2);
  await record('lost', 'gauge.lost', '{}', 1);
  await record('renamed', 'gauge.renamed', '{}', 1);
  await record('old', 'gauge.read', '{}', 1);
  await record('cut', 'gauge.read', '"no gauge"', 2);
  const gauges = app.repository(Gauge);
  await gauges.load('good');
  for (const id of ['below', 'below', 'lost', 'renamed', 'old', 'cut'])
    await expect(gauges.load(id)).rejects.toThrow(`gauge-${id}`);

  const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
  const provider = new MeterProvider({ readers: [reader] });
  closing.push(() => provider.shutdown());
  const { body } = await reader.metrics();
  expect(body.match(/^backstory_apply_errors_total.*$/gm)).toEqual([
    'backstory_apply_errors_total{aggregate_type="gauge",error_type="reducer_threw"} 2',
    'backstory_apply_errors_total{aggregate_type="gauge",error_type="unknown_event"} 2',
    'backstory_apply_errors_total{aggregate_type="gauge",error_type="upcast_failed"} 1',
    'backstory_apply_errors_total{aggregate_type="gauge",error_type="unreadable"} 1',
  ]);
});
