import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Dashboard } from '@backstory/observability/monitor';
import { Instrumentation, ObservabilityManager } from '@backstory/observability';
import { defineBackstory, memory } from 'backstory';
import { eventually } from '../support/eventually.js';
import { Order, openShop } from '../support/observed-shop.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function watched(fail: (amount: number) => void = () => undefined) {
  const instrumentation = new Instrumentation({ sampleEveryMs: 20 });
  closing.push(() => instrumentation.shutdown());
  const retry = { attempts: 1 };
  const shop = await openShop({ observer: instrumentation.observer, fail, retry });
  closing.push(() => shop.close());
  const unwatch = instrumentation.watch(shop.app);
  closing.push(unwatch);
  return { monitor: instrumentation.monitor, shop, unwatch };
}

test('the dashboard has everything in one call, and says when it was collected', async () => {
  const { monitor, shop } = await watched((amount) => {
    if (amount === 13) throw new TypeError('no gateway');
  });
  const before = Date.now();
  for (let i = 0; i < 5; i++) await shop.order('1');
  await shop.order('2', 13);
  await eventually(async () => (await shop.app.subscriptions.parked('billing'))[0]?.state === 'dead');
  const found = await eventually(async () => {
    const dashboard = await monitor.dashboard();
    const isAll = dashboard.durations.handling?.count === 6;
    return isAll && dashboard.queues.dead === 1 ? dashboard : undefined;
  });
  expect(Date.parse(found.collectedAt)).toBeGreaterThanOrEqual(before);
  expect(found.rates.commands).toBeGreaterThan(0);
  expect(found.rates.stored).toBeGreaterThanOrEqual(found.rates.handled!);
  expect(found.durations.command).toMatchObject({ count: 11, p50: expect.any(Number) });
  expect(found.errors).toMatchObject({ handling: 1 / 6, commands: 0, storing: 0 });
  expect(found).toMatchObject({ activeHandlers: 0, backPressure: [] });
  const [store] = found.stores;
  expect(store).toMatchObject({ application: 'shop', lastHour: store!.head, events: store!.head });
  let streams = 0;
  for await (const page of shop.app.events.listStreams({ includeSystem: true })) streams += page.length;
  expect(await shop.app.events.extent!()).toMatchObject({ streams });
  expect(store).toMatchObject({ streams: expect.any(Number), bytes: expect.any(Number) });
  expect(monitor.stats('backstory.process.memory.share', { by: 'of' }).get('resident')!.max).toBeLessThan(1);
  expect(found.consumers.map(({ name, lag }) => [name, lag])).toEqual(
    expect.arrayContaining([
      ['billing', expect.objectContaining({ events: expect.any(Number) })],
      ['projection orders', expect.anything()],
    ]),
  );
  expect(found.process.memoryBytes).toBeGreaterThan(1e6);
  expect(found.slowest.handlers.map(({ name }) => name)).toEqual(['billing.bill']);
  expect(found.slowest.folds.map(({ name }) => name).sort()).toEqual(['order', 'payment']);
  expect(found.slowest.streams.map(({ stream }) => stream).sort()).toEqual([
    ...['order-1', 'order-2', 'payment-order-1'],
  ]);
  expect(found.health.checks).toContainEqual({
    ...{ name: 'subscription billing', status: 'degraded', why: '1 key is dead' },
  });
});

test('what nobody measured yet is absent, not zero', async () => {
  const { monitor } = new Instrumentation();
  const { durations, errors, queues, process, consumers, stores } = await monitor.dashboard();
  for (const part of [durations, errors, queues, process])
    expect(Object.values(part).filter((it) => it !== undefined)).toEqual([]);
  expect([consumers, stores]).toEqual([[], []]);
});

test('probes answer wherever they are mounted: alive, ready, well', async () => {
  const { monitor, shop, unwatch } = await watched();
  const server = createServer((request, response) => {
    if (request.url === '/dashboard') monitor.dashboardHandler(request, response);
    else monitor.healthHandler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const at = async (path: string, method = 'GET') => {
    const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const response = await fetch(place, { method });
    return [response.status, ((await response.json()) as { status?: string }).status];
  };
  expect(await at('/health/live')).toEqual([200, 'ok']);
  expect(await at('/my/health/ready?x')).toEqual([200, 'ok']);
  expect(await at('/health')).toEqual([200, 'ok']);
  expect([await at('/'), await at('/live')]).toEqual([
    [200, 'ok'],
    [200, 'ok'],
  ]);
  for (const path of ['/other', '/other/', '/health/other/live', '/healthy'])
    expect([path, ...(await at(path))]).toEqual([path, 404, undefined]);
  expect(await at('/health', 'POST')).toEqual([405, undefined]);
  expect(await at('/dashboard')).toEqual([200, undefined]);
  // A consumer in trouble is for somebody to look at; requests can be served.
  await shop.app.subscriptions.pause('billing', { actor: 'ann' });
  await shop.app.projections.pause('orders');
  expect(await at('/health')).toEqual([200, 'degraded']);
  await unwatch();
  expect(await at('/health/ready')).toEqual([503, 'failed']);
  expect(await at('/health/live')).toEqual([200, 'ok']);
});

test('they stand beside the metrics, and without metrics they are mounted', async () => {
  for (const enabled of [true, false]) {
    const observability = new ObservabilityManager({
      serviceName: 'shop',
      metrics: { enabled, port: 0 },
      tracing: { enabled: false },
      logs: { enabled: false },
      health: { lagSeconds: 5 },
    });
    const shop = defineBackstory({ name: 'shop', store: memory(), aggregates: [Order], observability });
    const app = await shop.start();
    closing.push(() => app.close());
    expect((await observability.monitor.health()).status).toBe('ok');
    if (!enabled) continue;
    const response = await fetch(`http://127.0.0.1:${observability.metricsPort}/health/ready`);
    const { checks } = (await response.json()) as Dashboard['health'];
    expect([response.status, checks]).toEqual([200, [{ name: 'store', status: 'ok' }]]);
  }
});

test('what nothing measures is absent, and not zero', async () => {
  const { monitor } = new Instrumentation({ tracer: false, metrics: false });
  const { rates, durations, errors, activeHandlers } = await monitor.dashboard();
  expect([rates.stored, durations.handling, errors.handling, activeHandlers]).toEqual([
    ...[undefined, undefined, undefined, undefined],
  ]);
  const measured = await new Instrumentation({ tracer: false }).monitor.dashboard();
  expect([measured.rates.stored, measured.activeHandlers]).toEqual([0, 0]);
});
