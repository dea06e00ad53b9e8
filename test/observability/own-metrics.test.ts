import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  memory,
  type App,
} from 'backstory';
import type { Observability } from '@backstory/core/observability';
import {
  Instrumentation,
  ObservabilityManager,
  PrometheusReader,
  metricFrom,
  type MetricFrom,
} from '@backstory/observability';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { silent } from '@backstory/core/observe';

@DomainEvent('order.placed')
class OrderPlaced {
  constructor(
    readonly amount: number,
    readonly currency = 'EUR',
  ) {}
}

@Aggregate('order')
class Order extends EventSourcedAggregate {
  place(amount: number, currency?: string) {
    this.raise(new OrderPlaced(amount, currency));
  }
  @EventHandler(OrderPlaced) protected placed(_: OrderPlaced) {
    return undefined;
  }
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function shopOf(observability?: Observability) {
  const observed = observability ? { observability } : {};
  return defineBackstory({ name: 'shop', store: memory(), aggregates: [Order], ...observed });
}

async function started(observability?: Observability): Promise<App> {
  const app = await shopOf(observability).start();
  closing.push(() => app.close());
  return app;
}

/** A running shop, and the lines that Prometheus gets of it that begin so. */
async function measured(own: readonly MetricFrom[] = []) {
  const instrumentation = new Instrumentation({ own });
  const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
  const provider = new MeterProvider({ readers: [reader] });
  const app = await started(instrumentation);
  closing.push(() => provider.shutdown());
  const place = (id: string, amount: number, currency?: string) =>
    app.repository(Order).update(id, (it) => it.place(amount, currency), { create: true });
  const lines = async (prefix: string) =>
    (await reader.metrics()).body.split('\n').filter((it) => it.startsWith(prefix));
  return { app, place, lines };
}

describe('metrics of the application', () => {
  test('appear with the others, told apart by what they say', async () => {
    const { app, lines } = await measured();
    const carts = app.metrics.counter('carts', { by: ['shop', 'isEmpty'], help: 'Carts begun.' });
    carts.add(1, { shop: 'north', isEmpty: true });
    carts.add(2, { shop: 'north', isEmpty: true });
    carts.add();
    app.metrics.gauge('stock', { unit: 'By' }).set(7);
    app.metrics.histogram('weight', { buckets: [1, 10] }).record(4);
    expect(await lines('carts_total')).toEqual([
      'carts_total{shop="north",isEmpty="true"} 3',
      'carts_total 1',
    ]);
    expect(await lines('stock')).toEqual(['stock_bytes 7']);
    expect(await lines('weight')).toEqual([
      'weight_bucket{le="1"} 0',
      'weight_bucket{le="10"} 1',
      'weight_bucket{le="+Inf"} 1',
      'weight_sum 4',
      'weight_count 1',
    ]);
    expect(await lines('# HELP carts')).toEqual(['# HELP carts_total Carts begun.']);
  });

  test('have as many series as they may, and one for all others', async () => {
    const { app, lines } = await measured();
    const visits = app.metrics.counter('visits', { by: ['page'], limit: 2 });
    for (const page of ['a', 'b', 'c', 'd', 'a']) visits.add(1, { page });
    expect(await lines('visits_total')).toEqual([
      'visits_total{page="a"} 2',
      'visits_total{page="b"} 1',
      'visits_total{otel_metric_overflow="true"} 2',
    ]);
  });

  test('take only numbers; what is none is counted', async () => {
    const { app, lines } = await measured();
    app.metrics.counter('a').add(-1);
    app.metrics.gauge('b').set(NaN);
    app.metrics.histogram('c').record(Infinity);
    expect(await lines('backstory_telemetry_dropped_total{signal="metrics"}')).toEqual([
      'backstory_telemetry_dropped_total{signal="metrics"} 3',
    ]);
    expect([await lines('a_'), await lines('b'), await lines('c_')]).toEqual([
      [],
      expect.not.arrayContaining([expect.stringMatching(/^b /)]),
      [],
    ]);
  });

  test('are the same when asked for again, and cannot be another then', async () => {
    const { app, lines } = await measured();
    app.metrics.counter('a').add();
    app.metrics.counter('a').add();
    expect(await lines('a_total')).toEqual(['a_total 2']);
    expect(() => app.metrics.gauge('a')).toThrow('is a metric already');
    expect(() => app.metrics.counter('a', { limit: 1 })).toThrow('is a metric already');
  });

  test.each([
    ['backstory.mine', {}],
    ['1st', {}],
    ['orders_total', {}],
    ['orders.count', {}],
    ['events.handled', {}],
    ['events.stored', {}],
    ['a', { by: ['a', 'b', 'c', 'd', 'e'] }],
    ['a', { by: ['le'] }],
    ['a', { by: ['a.b', 'a_b'] }],
    ['a', { limit: 0 }],
    ['a', { bye: [] }],
  ])('are refused as %s with %j', async (name, options) => {
    const { app } = await measured();
    expect(() => app.metrics.counter(name, options as never)).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_INVALID_OPTION' }),
    );
  });

  test('are refused where OpenMetrics would not tell them apart', async () => {
    const { app } = await measured();
    app.metrics.counter('parcels.sent');
    expect(() => app.metrics.gauge('parcels_sent')).toThrow(
      'parcels_sent: is parcels_sent for Prometheus, as parcels.sent is: call it something else.',
    );
    expect(() => app.metrics.histogram('parcels-sent')).toThrow('as parcels.sent is');
    expect(() => app.metrics.gauge('events_stored')).toThrow('as backstory.events.appended is');
    expect(() => app.metrics.gauge('events_handled')).toThrow('as a metric of the framework is');
  });

  test('measure nothing where nobody observes', async () => {
    const app = await started();
    app.metrics.counter('a').add();
    app.metrics.gauge('b').set(1);
    app.metrics.histogram('c').record(1);
  });
});

describe('metrics of events', () => {
  test('measure what was recorded, once', async () => {
    const { app, place, lines } = await measured([
      metricFrom(OrderPlaced, (e) => e.amount, { buckets: [10] }),
      metricFrom(OrderPlaced, ({ amount }) => (amount > 9 ? amount : undefined), {
        ...{ name: 'turnover', kind: 'counter', unit: '{cent}' },
        by: { currency: ({ currency }) => currency },
      }),
    ]);
    await place('1', 5);
    await place('1', 12);
    await place('2', 13, 'USD');
    const repeated = { appendId: '018f0000-0000-7000-8000-000000000001' };
    for (let i = 0; i < 2; i++) await app.record('order-3', [new OrderPlaced(100)], repeated);
    await expect(app.record('order-3', [new OrderPlaced(7)], { expected: 'none' })).rejects.toThrow();
    expect(await lines('app_order_placed')).toEqual([
      'app_order_placed_bucket{le="10"} 1',
      'app_order_placed_bucket{le="+Inf"} 4',
      'app_order_placed_sum 130',
      'app_order_placed_count 4',
    ]);
    expect(await lines('turnover_total')).toEqual([
      'turnover_total{currency="EUR"} 112',
      'turnover_total{currency="USD"} 13',
    ]);
  });

  test('that throw are counted and keep nothing from anybody', async () => {
    const broken = metricFrom(
      OrderPlaced,
      () => {
        throw new Error('x');
      },
      { name: 'broken' },
    );
    const { place, lines } = await measured([broken, metricFrom(OrderPlaced, (e) => e.amount)]);
    await place('1', 5);
    expect(await lines('app_order_placed_sum')).toEqual(['app_order_placed_sum 5']);
    expect(await lines('backstory_telemetry_dropped_total{signal="metrics"}')).toEqual([
      'backstory_telemetry_dropped_total{signal="metrics"} 1',
    ]);
  });
});

describe('observability of a definition', () => {
  const managed = () =>
    new ObservabilityManager({
      serviceName: 'shop',
      metrics: { port: 0, host: '127.0.0.1', own: [metricFrom(OrderPlaced, (e) => e.amount)] },
      tracing: { enabled: false },
    });
  const scraped = async (manager: ObservabilityManager) =>
    (await fetch(`http://127.0.0.1:${manager.metricsPort}/metrics`)).text();

  test('begins with the application and ends with it, and again with the next', async () => {
    const manager = managed();
    closing.push(() => manager.shutdown());
    const shop = shopOf(manager);
    for (const sum of [5, 10]) {
      await shop.run(async (app) => {
        await app.repository(Order).update('1', (it) => it.place(5), { create: true });
        expect(await scraped(manager)).toContain(`app_order_placed_sum ${sum}`);
      });
      expect(manager.metricsPort).toBeUndefined();
    }
  });

  test('is shared by those that are given the same, until the last has ended', async () => {
    const manager = managed();
    const [first, second] = [await started(manager), await started(manager)];
    await first.close();
    await first.close();
    expect(await scraped(manager)).toContain('target_info');
    await second.close();
    expect(manager.metricsPort).toBeUndefined();
  });

  test('an application that only opens is not served', async () => {
    const manager = managed();
    const app = await shopOf(manager).open();
    expect(manager.metricsPort).toBeUndefined();
    await app.close();
  });

  test('where it cannot begin nothing starts, and where nothing starts it ends', async () => {
    const calls: string[] = [];
    const observability: Observability = {
      ...{ observer: silent, metrics: new Instrumentation().metrics },
      watch: () => async () => void calls.push('unwatch'),
      start: async () => {
        calls.push('start');
        if (calls.length === 1) throw new Error('port taken');
      },
      shutdown: async () => void calls.push('shutdown'),
    };
    const broken = { open: () => Promise.reject(new Error('no store')) };
    await expect(shopOf(observability).start()).rejects.toThrow('port taken');
    const shop = defineBackstory({ name: 'shop', store: broken as never, observability });
    await expect(shop.start()).rejects.toThrow('no store');
    expect(calls).toEqual(['start', 'shutdown', 'start', 'shutdown']);
    await (await shopOf(observability).start()).close();
    expect(calls.slice(4)).toEqual(['start', 'unwatch', 'shutdown']);
  });

  test('and an observer beside it are refused', () => {
    const options = { name: 'shop', store: memory(), observer: silent, observability: new Instrumentation() };
    expect(() => defineBackstory(options)).toThrow('takes an observer or observability');
  });
});
