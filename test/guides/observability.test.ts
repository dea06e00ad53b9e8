import fs from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {
  PeriodicExportingMetricReader,
  InMemoryMetricExporter,
  AggregationTemporality,
  MeterProvider,
} from '@opentelemetry/sdk-metrics';
import express, { type Request } from 'express';
import fastify from 'fastify';
import { Context, defineBackstory, memory, sqlite as open } from 'backstory';
import {
  FlowSampler,
  Instrumentation,
  Monitored,
  ObservabilityManager,
  PrometheusReader,
  Traced,
  metricFrom,
  monitored,
  outgoingHeaders,
  traced,
} from '@backstory/observability';
import { expressContext, fastifyContext, httpContext } from '@backstory/observability/http';
import { flowSpans, sendSpans } from '@backstory/replay/spans';
import { AlertRaised, forecast, mad, stat } from '@backstory/observability/analysis';
import { reaction, subscriber } from 'backstory/subscriptions';
import { alertmanagerDouble } from '../support/alertmanager-double.js';
import { eventually } from '../support/eventually.js';
import { Order, OrderPlaced } from '../support/observed-shop.js';
import { receiver } from '../support/receiver.js';

// The code of docs/guides/observability.md and packages/observability/README.md.

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'observability-'));
});
afterEach(() => fs.rm(folder, { recursive: true }));
const sqlite = (file: string) => open(path.join(folder, file));

it('is the observer of an application, and gives its metrics to readers of an SDK', async () => {
  const instrumentation = new Instrumentation({ sampler: new FlowSampler(0.1) });
  const shop = defineBackstory({
    name: 'shop',
    store: sqlite('shop.db'),
    aggregates: [Order],
    observability: instrumentation,
  });
  await shop.run((app) => app.repository(Order).update('1', (it) => it.place(3), { create: true }));

  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const sampler = instrumentation.sampler;
  const readers = [
    new PeriodicExportingMetricReader({ exporter, metricProducers: [instrumentation.metricProducer] }),
  ];
  expect(sampler.rate).toBe(0.1);
  const provider = new MeterProvider({ readers });
  await provider.forceFlush();
  const names = exporter
    .getMetrics()[0]!
    .scopeMetrics.flatMap((it) => it.metrics.map(({ descriptor }) => descriptor.name));
  await provider.shutdown();
  expect(names).toEqual(expect.arrayContaining(['backstory.events.appended', 'backstory.load.duration']));
});

it('carries flows to other services', async () => {
  const server = createServer((request, response) => response.end(JSON.stringify(request.headers)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const warehouse = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const response = await Context.of({ correlationId: 'order 1' }).run(async () =>
    fetch(`${warehouse}/reserve`, { method: 'POST', headers: outgoingHeaders() }),
  );
  const headers = (await response.json()) as Record<string, string>;
  expect(Context.fromHeaders(headers).fields.correlationId).toBe('order 1');
  await Context.none.run(async () => {
    await fetch(`${warehouse}/reserve`, { method: 'POST', headers: outgoingHeaders({ b3: 'single' }) });
  });
  await new Promise((resolve) => server.close(resolve));
});

it('is what the doc comment says', async () => {
  const instrumentation = new Instrumentation();
  const shop = defineBackstory({
    name: 'shop',
    store: memory(),
    aggregates: [Order],
    observability: instrumentation,
  });
  await shop.run(async (app) => expect(app.name).toBe('shop'));
});

it('gives it all to Prometheus', async () => {
  const instrumentation = new Instrumentation();
  const resource = resourceFromAttributes({ 'service.name': 'shop' });
  const port = 0;
  const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const server = await reader.listen({ port });
  expect(server.port).toBeGreaterThan(0);
  await server.close();
  expect((await reader.metrics()).body).toContain('target_info{service_name="shop"} 1');
  await provider.shutdown();
});

it('tells the life of an event', async () => {
  const shop = defineBackstory({ name: 'shop', store: memory(), aggregates: [Order] });
  const app = await shop.start();
  const recorded = await app.record('order-1', [new OrderPlaced(3)]);
  const { event, steps } = await app.subscriptions.lifecycle(recorded.ids[0]!);
  expect(event.type).toBe('order.placed');
  expect(steps.map(({ step }) => step)).toEqual(['created', 'stored', 'published']);
  await app.close();
});

it('runs what answers a request in its context', async () => {
  const tenantOf = (headers: Request['headers']) => headers.host;
  const listener = (_: IncomingMessage, response: ServerResponse) =>
    response.end(JSON.stringify(Context.current().fields));
  {
    const server = fastify();
    await server.register(fastifyContext({ fields: ({ headers }) => ({ tenant: tenantOf(headers) }) }));
    await server.close();
  }
  {
    const server = express();
    server.use(expressContext({ correlationHeader: 'x-request-id' }));
  }
  {
    const server = express();
    server.use(expressContext({ fields: ({ headers }) => ({ tenant: headers.host }) }));
  }
  {
    const server = fastify();
    await server.register(fastifyContext({ trust: 'all' }));
    await server.close();
  }
  {
    const server = createServer(httpContext(listener));
    expect(server.listening).toBe(false);
  }
  const server = createServer(httpContext(listener, { trust: 'all' }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const headers = Context.of({ actor: 'ann', correlationId: 'request-7' }).toHeaders();
  const fields: unknown = await (await fetch(url, { headers })).json();
  expect(fields).toEqual({ actor: 'ann', correlationId: 'request-7' });
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

it('rebuilds a flow from the log', async () => {
  const shop = defineBackstory({ name: 'shop', store: memory(), aggregates: [Order] });
  const app = await shop.start();
  await Context.of({ correlationId: 'order-request-77' }).run(() =>
    app.record('order-1', [new OrderPlaced(3)]),
  );
  const to = await receiver();
  const collector = to.url;
  {
    const flow = await flowSpans(app, 'order-request-77');
    await sendSpans(flow, { url: collector });
  }
  expect(to.spans.map(({ name }) => name)).toEqual(['append order']);
  await to.close();
  await app.close();
});

it('writes a log', async () => {
  const logFile = path.join(folder, 'shop.log');
  const observability = new ObservabilityManager({
    serviceName: 'shop',
    logs: { level: 'debug', encoding: 'json', outputs: ['stdout', logFile] },
  });
  const logger = observability.logger.child({ module: 'checkout' });
  logger.warn('Stock is low', { log_type: 'STOCK_LOW', sku: 'A-7', left: 2 });
  await observability.shutdown();
});

it('has metrics of your own', async () => {
  const instrumentation = new Instrumentation({
    own: [metricFrom(OrderPlaced, (e) => e.amount, { unit: '{euro}' })],
  });
  const shop = defineBackstory({
    name: 'shop',
    store: memory(),
    aggregates: [Order],
    observability: instrumentation,
  });
  const app = await shop.start();
  const baskets = app.metrics.counter('baskets', { by: ['channel'], help: 'Baskets begun.' });
  baskets.add(1, { channel: 'web' });
  await app.repository(Order).update('1', (it) => it.place(3), { create: true });
  await app.close();
  const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
  const provider = new MeterProvider({ readers: [reader] });
  const { body } = await reader.metrics();
  await provider.shutdown();
  expect(body).toContain('baskets_total{channel="web"} 1');
  expect(body).toContain('app_order_placed_sum 3');
});

it('serves metrics by itself or in a server that is there', async () => {
  const instrumentation = new Instrumentation();
  {
    const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
    const provider = new MeterProvider({ readers: [reader] });
    const server = createServer(reader.handler);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(200);
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    await provider.shutdown();
  }
});

it('says how the applications are doing', async () => {
  const observability = new ObservabilityManager({
    serviceName: 'shop',
    metrics: { port: 0 },
    tracing: { enabled: false },
  });
  const shop = defineBackstory({ name: 'shop', store: memory(), aggregates: [Order], observability });
  const app = await shop.start();
  await app.repository(Order).update('1', (it) => it.place(3), { create: true });
  const { collectedAt, rates, durations, errors, queues, slowest } = await observability.monitor.dashboard();
  const handling = observability.monitor.stats('backstory.process.duration', {
    windowMs: 600_000,
    by: 'backstory.handler',
  });
  const { status, checks } = await observability.monitor.health();
  expect([status, checks]).toEqual(['ok', [{ name: 'store', status: 'ok' }]]);
  expect([rates.stored! > 0, errors.commands, durations.command?.count]).toEqual([true, 0, 1]);
  expect([queues.dead, handling.size, slowest.streams.length]).toEqual([undefined, 0, 1]);
  expect(Date.parse(collectedAt)).toBeLessThanOrEqual(Date.now());
  await app.close();
});

it('raises alerts, by rules and detectors', async () => {
  const port = 0;
  const double = await alertmanagerDouble();
  const alertmanager = double.url;
  const pages: string[] = [];
  const page = (text: string) => void pages.push(text);
  const billing = { 'backstory.handler': 'billing.bill' };
  const observability = new ObservabilityManager({
    serviceName: 'shop',
    metrics: { port },
    analysis: {
      rules: [
        {
          name: 'slow-billing',
          value: stat('backstory.process.duration', 'p95', { where: billing }),
          when: { gt: 0.5 },
          severity: { warning: 0.5, critical: 5 },
          summary: 'Customers wait for their bills: is the provider up?',
        },
        {
          name: 'lag-grows',
          value: stat('backstory.subscription.lag.events', 'last', { by: 'backstory.subscription' }),
          when: forecast({ limit: 100_000, withinMs: 3_600_000 }),
        },
      ],
      detectors: [{ name: 'unusual-orders', value: stat('app.order.placed', 'mean'), detect: mad() }],
      alertmanager: { url: alertmanager, generatorUrl: 'https://shop.example/health' },
    },
  });
  const { analysis } = observability;
  analysis.add({ name: 'baskets', value: stat('baskets', 'rate'), when: { lt: 0.1 }, forMs: 600_000 });
  analysis.disable('slow-billing');
  const end = analysis.onAlert(({ step, alert, why }) => page(`${alert} ${step}: ${why}`));
  const pager = subscriber({
    name: 'pager',
    includeSystem: true,
    from: 'now',
    on: [reaction(AlertRaised, ({ alert, severity }) => page(`${alert}: ${severity}`), { name: 'page' })],
  });
  const shop = defineBackstory({
    name: 'shop',
    store: memory(),
    aggregates: [Order],
    subscribers: [pager],
    observability,
  });
  const app = await shop.start();
  analysis.add({ name: 'always', value: () => 1, when: { eq: 1 } });
  analysis.evaluate();
  await eventually(() => pages.length === 2);
  expect(pages.sort()).toEqual(['always raised: it is 1', 'always: warning']);
  await eventually(() => double.posts.length === 1);
  end();
  await app.close();
  await double.close();
});

class Gateway {
  @Traced()
  @Monitored()
  async charge(amount: number) {
    return amount > 0;
  }
}
const refund = monitored('refund', (amount: number) => amount);
const repay = traced('repay', refund);

it('is everything in one call', async () => {
  const port = 0;
  const observability = new ObservabilityManager({
    serviceName: 'shop',
    metrics: { port },
    tracing: { exporter: 'zipkin', sampleRate: 0.1 },
  });
  const shop = defineBackstory({
    name: 'shop',
    store: sqlite('shop.db'),
    aggregates: [Order],
    observability,
  });
  const app = await shop.start();

  const count = (like: { readonly type: string }) => like.type.length;
  const likes = {
    publish: async (_: unknown) => undefined,
    subscribe: (_: string, handler: unknown) => handler,
  };
  const bus = observability.wrapBus(likes);
  const handle = observability.wrapHandler(count, { name: 'LikeCounter', bus: 'likes' });
  await bus.publish({ type: 'like.added' });
  expect(await handle({ type: 'like.added' })).toBe(10);
  expect(await new Gateway().charge(1)).toBe(true);
  expect([refund(3), repay(4)]).toEqual([3, 4]);
  const metrics = await (await fetch(`http://127.0.0.1:${observability.metricsPort}/metrics`)).text();
  expect(metrics).toContain('code_function_name="Gateway.charge"');
  expect(metrics).toContain('events_published_total{event_type="like.added",source="shop"} 1');

  await app.close();
});
