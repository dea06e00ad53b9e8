import { once } from 'node:events';
import path from 'node:path';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import {
  FlowSampler,
  ObservabilityManager,
  monitored,
  traced,
  type ObservabilityOptions,
} from '@backstory/observability';
import { eventually } from '../support/eventually.js';
import { openShop } from '../support/observed-shop.js';
import { receiver } from '../support/receiver.js';
import { spawnWorker } from '../support/spawn-worker.js';

const closing: (() => Promise<unknown>)[] = [];
const env = { ...process.env };
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  process.env = { ...env };
});

/** Longer than any machine takes to send a few spans: a shutdown ends when they are sent. */
const PATIENT = 60_000;

async function started(options: ObservabilityOptions = {}) {
  const manager = new ObservabilityManager({
    serviceName: 'shop',
    shutdownTimeoutMs: PATIENT,
    logs: { enabled: false },
    ...options,
    metrics: { port: 0, host: '127.0.0.1', sampleEveryMs: 20, ...options.metrics },
  });
  closing.push(() => manager.shutdown());
  await manager.start();
  return manager;
}

async function shopOf(manager: ObservabilityManager) {
  const shop = await openShop({ observer: manager.observer });
  closing.push(() => shop.close());
  return shop;
}

async function collector(answer?: 'take' | 'refuse' | 'hang') {
  const made = await receiver(answer);
  closing.push(() => made.close());
  return made;
}

/** The shop with one order in a process of its own, until that has ended: Jest does not let the exporters of OTLP import Node's modules. */
async function observedElsewhere(
  options: ObservabilityOptions,
  variables: NodeJS.ProcessEnv = {},
  orders = 1,
): Promise<void> {
  const file = path.join(__dirname, 'shop.worker.ts');
  const worker = spawnWorker(
    file,
    [JSON.stringify({ shutdownTimeoutMs: PATIENT, ...options }), String(orders)],
    {
      ...process.env,
      ...variables,
    },
  );
  const said: string[] = [];
  for (const stream of [worker.stdout!, worker.stderr!]) stream.on('data', (text) => said.push(String(text)));
  const [code] = (await once(worker, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`The shop ended with ${code}: ${said.join('')}`);
}

/** How many graphs spans make, by parents and links, and what they point at that was not sent. */
function graphs(spans: readonly any[]): { readonly connected: number; readonly dangling: readonly string[] } {
  const pointed = ({ parentSpanId, links = [] }: any): string[] =>
    [parentSpanId, ...links.map((link: any) => link.spanId)].filter(Boolean);
  const known = new Set(spans.map(({ spanId }) => spanId as string));
  const group = new Map([...known].map((id) => [id, new Set([id])]));
  for (const span of spans)
    for (const other of pointed(span).filter((it) => known.has(it))) {
      const all = new Set([...group.get(span.spanId)!, ...group.get(other)!]);
      for (const id of all) group.set(id, all);
    }
  return {
    connected: new Set(group.values()).size,
    dangling: spans.flatMap(pointed).filter((it) => !known.has(it)),
  };
}

const scraped = async (manager: ObservabilityManager) =>
  (await fetch(`http://127.0.0.1:${manager.metricsPort}/metrics`)).text();

describe('one call', () => {
  test('sends a whole flow to a collector before it ends, with what it is of', async () => {
    const otlp = await collector();
    await observedElsewhere({
      serviceName: 'shop',
      serviceVersion: '1.4.0',
      environment: 'staging',
      metrics: { exporter: 'none' },
      tracing: { url: `${otlp.url}/v1/traces` },
    });
    const { spans } = otlp;
    const names = new Set(spans.map(({ name }) => name));
    for (const name of [
      'handle PlaceOrder',
      'append order',
      'process order.placed billing.bill',
      'project revenue',
    ])
      expect(names).toContain(name);
    expect(graphs(spans)).toEqual({ connected: 1, dangling: [] });
    const { attributes } = otlp.received[0]!.body.resourceSpans[0].resource;
    const said = Object.fromEntries(attributes.map((it: any) => [it.key, it.value.stringValue]));
    expect(said).toMatchObject({
      'service.name': 'shop',
      'service.version': '1.4.0',
      'deployment.environment.name': 'staging',
    });
  });

  test('sends one flow in ten as a whole, and nothing that points at what was not sent', async () => {
    const otlp = await collector();
    const tracing = { url: `${otlp.url}/v1/traces`, sampleRate: 0.1 };
    await observedElsewhere({ serviceName: 'shop', metrics: { exporter: 'none' }, tracing }, {}, 30);
    const sampler = new FlowSampler(0.1);
    const taken = Array.from({ length: 30 }, (_, i) => `flow-${i + 1}`).filter((it) => sampler.takes(it));
    expect(taken.length).toBeGreaterThan(0);
    expect(taken.length).toBeLessThan(30);
    const flowOf = ({ attributes }: any) =>
      attributes.find(({ key }: any) => key === 'backstory.correlation_id')?.value.stringValue;
    const flows = new Set(otlp.spans.map(flowOf).filter((it) => it !== undefined));
    expect([...flows].sort()).toEqual([...taken].sort());
    expect(otlp.spans.filter(({ name }) => name === 'process order.placed billing.bill')).toHaveLength(
      taken.length,
    );
    expect(graphs(otlp.spans).dangling).toEqual([]);
  });

  test('or none: the variables of OpenTelemetry say the same', async () => {
    const otlp = await collector();
    await observedElsewhere(
      {},
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_SERVICE_NAME: 'by-variable',
      },
    );
    const paths = new Set(otlp.received.map(({ path }) => path));
    expect(paths).toEqual(new Set(['/v1/traces', '/v1/metrics']));
    const sent = otlp.received.findLast(({ path }) => path === '/v1/metrics')!.body.resourceMetrics[0];
    expect(JSON.stringify(sent.resource)).toContain('by-variable');
    const names = sent.scopeMetrics.flatMap((it: any) => it.metrics.map((metric: any) => metric.name));
    expect(names).toEqual(
      expect.arrayContaining(['backstory.events.appended', 'backstory.command.duration']),
    );
  });

  test('serves what was measured', async () => {
    const manager = await started({ tracing: { enabled: false } });
    const shop = await shopOf(manager);
    const unwatch = manager.watch(shop.app);
    await shop.order('1');
    await eventually(async () => (await scraped(manager)).includes('backstory_subscription_lag_events'));
    expect(await scraped(manager)).toContain(
      'events_stored_total{event_type="order.placed",aggregate_type="order"} 1',
    );
    await unwatch();
  });

  test('sends spans to Zipkin', async () => {
    const zipkin = await collector();
    const manager = await started({ tracing: { exporter: 'zipkin', url: `${zipkin.url}/api/v2/spans` } });
    const shop = await shopOf(manager);
    await shop.order('1');
    await shop.close();
    await manager.shutdown();
    const spans = zipkin.received.flatMap(({ path, body }) => (path === '/api/v2/spans' ? body : []));
    expect(spans.map((span: any) => span.name)).toContain('handle PlaceOrder');
  });

  test('made and not started does nothing, so that a definition may be read', async () => {
    const otlp = await collector();
    const tracing = { exporter: 'zipkin', url: otlp.url } as const;
    const manager = new ObservabilityManager({ serviceName: 'shop', tracing });
    const shop = await shopOf(manager);
    await shop.order('1');
    await shop.close();
    await manager.shutdown();
    expect([otlp.received, manager.metricsPort, trace.getTracer('x').startSpan('y').isRecording()]).toEqual([
      [],
      undefined,
      false,
    ]);
  });
});

describe('each part can be off:', () => {
  test('without tracing nothing is sent and nothing is stored; without metrics nothing is served', async () => {
    const off = await started({ tracing: { enabled: false }, metrics: { enabled: false } });
    const shop = await shopOf(off);
    off.watch(shop.app);
    await shop.order('1');
    expect(off.metricsPort).toBeUndefined();
    for await (const page of shop.app.events.readAll())
      for (const { metadata } of page.events) expect(metadata).not.toContain('traceparent');
  });

  test('metrics may be for a server of your own', async () => {
    const manager = await started({ metrics: { exporter: 'none' }, tracing: { enabled: false } });
    expect(manager.metricsPort).toBeUndefined();
    const written: string[] = [];
    const response = { writeHead: () => response, end: (text: string) => void written.push(text) };
    manager.metricsHandler({ headers: {} } as never, response as never);
    await eventually(() => written.length > 0);
    expect(written[0]).toContain('target_info');
  });

  test('where the port of metrics is taken, starting says so', async () => {
    const first = await started({ tracing: { enabled: false } });
    const second = new ObservabilityManager({
      serviceName: 'shop',
      tracing: { enabled: false },
      metrics: { port: first.metricsPort!, host: '127.0.0.1' },
    });
    await expect(second.start()).rejects.toThrow('EADDRINUSE');
    await second.shutdown();
  });
});

describe('the application does not notice', () => {
  const failing = (how: SpanExporter['export']): SpanExporter => ({
    export: how,
    shutdown: async () => undefined,
  });
  const DROPPED = /^backstory_telemetry_dropped_total\{signal="traces"\} ([1-9]\d*)$/m;

  test.each([
    [
      'throws',
      () => {
        throw new Error('exporter');
      },
    ],
    ['fails', (_: unknown, done: (result: any) => void) => done({ code: ExportResultCode.FAILED })],
  ] as const)('an exporter that %s, and what it dropped is counted', async (_, how) => {
    const manager = await started({ tracing: { exporter: failing(how) } });
    const shop = await shopOf(manager);
    await shop.order('1');
    await shop.settled();
    const found = await eventually(async () => DROPPED.exec(await scraped(manager)) ?? undefined);
    expect(Number(found[1])).toBeGreaterThan(0);
    expect(await shop.order('1')).toMatchObject({ version: 2 });
  });

  test('a collector that refuses', async () => {
    const otlp = await collector('refuse');
    const tracing = { url: `${otlp.url}/v1/traces` };
    await observedElsewhere({ tracing, ...METRICS_OFF });
    expect(otlp.received.length).toBeGreaterThan(0);
  });

  test('a collector that hangs, not even when it ends', async () => {
    const otlp = await collector('hang');
    const tracing = { url: `${otlp.url}/v1/traces` };
    await observedElsewhere({ tracing, shutdownTimeoutMs: 200, ...METRICS_OFF });
  });

  test('a collector that is not there', async () => {
    const tracing = { url: 'http://127.0.0.1:1/v1/traces' };
    await observedElsewhere({ tracing, shutdownTimeoutMs: 200, ...METRICS_OFF });
  });
});

const METRICS_OFF = { serviceName: 'shop', metrics: { enabled: false } };

/** An exporter that keeps what it is given, also when it is shut down. */
function keeping(): SpanExporter & { readonly spans: ReadableSpan[] } {
  const spans: ReadableSpan[] = [];
  return {
    spans,
    export: (given, done) => {
      spans.push(...given);
      done({ code: ExportResultCode.SUCCESS });
    },
    shutdown: async () => undefined,
  };
}

describe('what is not ours', () => {
  class Bus {
    readonly #handlers = new Map<string, ((event: any, more?: number) => unknown)[]>();
    subscribe(type: string, handler: (event: any, more?: number) => unknown) {
      this.#handlers.set(type, [...(this.#handlers.get(type) ?? []), handler]);
      return this.#handlers.size;
    }
    async publish(event: { readonly type: string }) {
      return Promise.all((this.#handlers.get(event.type) ?? []).map((it) => it(event, 7)));
    }
    get size() {
      return this.#handlers.size;
    }
  }

  test('a bus and its handlers are seen like ours, and work as before', async () => {
    const exporter = keeping();
    const manager = await started({ tracing: { exporter } });
    const bus = manager.wrapBus(new Bus());
    expect(
      bus.subscribe('like.added', async function count(_: unknown, more?: number) {
        return more;
      }),
    ).toBe(1);
    expect(await bus.publish({ type: 'like.added' })).toEqual([7]);
    expect(bus.size).toBe(1);
    const handle = manager.wrapHandler(
      async ({ of }: { of: string }) => {
        throw new TypeError(of);
      },
      { name: 'Failing', bus: 'own', typeOf: () => 'like.removed' },
    );
    await expect(handle({ of: 'x' })).rejects.toThrow('x');
    const text = await scraped(manager);
    expect(text).toContain('events_published_total{event_type="like.added",source="shop"} 1');
    expect(text).toContain(
      'events_handled_total{event_type="like.added",handler="foreign.count",status="success"} 1',
    );
    expect(text).toContain(
      'events_handled_total{event_type="like.removed",handler="own.Failing",status="error"} 1',
    );
    await manager.shutdown();
    const span = (name: string) => exporter.spans.find((it) => it.name === name)!;
    const { spanId } = span('publish like.added').spanContext();
    expect(span('process like.added foreign.count').parentSpanContext!.spanId).toBe(spanId);
    expect(span('process like.removed own.Failing').status.code).toBe(SpanStatusCode.ERROR);
  });

  test('a handler that was subscribed is found again, and an event whose type cannot be told is handled all the same', async () => {
    class Emitter {
      readonly handlers = new Set<(event: unknown) => unknown>();
      subscribe(handler: (event: unknown) => unknown) {
        this.handlers.add(handler);
      }
      unsubscribe(handler: (event: unknown) => unknown) {
        return this.handlers.delete(handler);
      }
      publish(event: unknown) {
        return Promise.all([...this.handlers].map((it) => it(event)));
      }
    }
    const manager = await started({});
    const typeOf = () => {
      throw new Error('what is it?');
    };
    const bus = manager.wrapBus(new Emitter(), { typeOf });
    const handler = () => 7;
    bus.subscribe(handler);
    bus.subscribe(handler);
    expect(await bus.publish({ type: 'like.added' })).toEqual([7]);
    expect([bus.unsubscribe(handler), bus.handlers.size]).toEqual([true, 0]);
    const handle = manager.wrapHandler(async () => 8, { name: 'eight', typeOf });
    expect(await handle({ type: 'like.added' })).toBe(8);
  });

  test('own functions are traced and measured, with their outcome', async () => {
    const exporter = keeping();
    const manager = await started({ tracing: { exporter } });
    const add = traced(
      'add',
      monitored('add', (a: number, b: number) => a + b),
    );
    const fail = traced(
      'fail',
      monitored('fail', async (): Promise<number> => {
        throw new TypeError('x');
      }),
    );
    expect(add(1, 2)).toBe(3);
    await expect(fail()).rejects.toThrow('x');
    const text = await scraped(manager);
    expect(text).toContain('app_method_duration_seconds_count{code_function_name="add"} 1');
    expect(text).toContain(
      'app_method_duration_seconds_count{code_function_name="fail",error_type="TypeError"} 1',
    );
    await manager.shutdown();
    expect(exporter.spans.map(({ name, status }) => [name, status.code])).toEqual([
      ['add', SpanStatusCode.UNSET],
      ['fail', SpanStatusCode.ERROR],
    ]);
    // Afterwards there is nobody to tell.
    expect(add(2, 2)).toBe(4);
  });
});
