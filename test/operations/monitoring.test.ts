import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { parse } from 'yaml';
import { Instrumentation, PrometheusReader } from '@backstory/observability';
import { defineBackstory, memory, type Storage } from 'backstory';
import { reaction, subscriber } from 'backstory/subscriptions';
import { DEPLOY, dashboardPanels } from '../support/deploy.js';
import { eventually } from '../support/eventually.js';
import { startAlertmanager, startPrometheus, type MonitoringServer } from '../support/monitoring-server.js';
import { Order, OrderPlaced, Payment, PaymentRequested } from '../support/observed-shop.js';
import { scraped } from '../support/scraped.js';

// A real Prometheus and a real Alertmanager.

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function opened<T extends { close(): Promise<unknown> }>(it: T): T {
  closing.push(() => it.close());
  return it;
}

const rulesFile = path.join(DEPLOY, 'prometheus/backstory-rules.yml');

test('promtool and amtool find nothing wrong with the rules, their tests and the samples', () => {
  for (const [command, ...words] of [
    ['promtool', 'check', 'rules', 'prometheus/backstory-rules.yml'],
    ['promtool', 'test', 'rules', 'prometheus/rule-tests-1m.yml', 'prometheus/rule-tests-10m.yml'],
    ['promtool', 'check', 'config', 'prometheus/prometheus.yml'],
    ['amtool', 'check-config', 'alertmanager/alertmanager.yml'],
  ] as const) {
    const { status, stdout, stderr, error } = spawnSync(command, words, { cwd: DEPLOY, encoding: 'utf8' });
    expect({ command: words.join(' '), status, error, said: status === 0 ? '' : stdout + stderr }).toEqual({
      ...{ command: words.join(' '), status: 0, error: undefined, said: '' },
    });
  }
});

test('every alert has a test', () => {
  const rules = parse(fs.readFileSync(rulesFile, 'utf8')) as Rules;
  const tests = fs.readFileSync(path.join(DEPLOY, 'prometheus/rule-tests-1m.yml'), 'utf8');
  const alerts = rules.groups.flatMap((it) => it.rules).flatMap(({ alert }) => alert ?? []);
  expect(alerts.length).toBeGreaterThan(12);
  expect(alerts.filter((it) => !tests.includes(`alertname: ${it}\n`))).toEqual([]);
});

test('every query of every panel gives data while the shop runs', async () => {
  const shop = opened(await scraped());
  const { app, order } = shop.shop;
  const server = opened(await shop.reader.listen({ port: 0, host: '127.0.0.1' }));
  const prometheus = opened(await startPrometheus({ targets: [`127.0.0.1:${server.port}`] }));
  // Once more on request, and dead again.
  await app.subscriptions.retry('billing', 'all');
  let n = 0;
  let empty: readonly string[] = ['not asked'];
  const asked = dashboardPanels().flatMap(({ title, queries }) => queries.map((query) => ({ title, query })));
  await eventually(async () => {
    await order(`2-${n++}`);
    const answers = await Promise.all(
      asked.map(async (it) => ({ ...it, data: await dataOf(prometheus, it.query) })),
    );
    empty = answers.filter(({ data }) => data === 0).map(({ title, query }) => `${title}: ${query}`);
    return empty.length === 0;
  }).catch(() => undefined);
  expect(empty).toEqual([]);
});

/** How many series a query gives. */
async function dataOf({ get }: MonitoringServer, query: string): Promise<number> {
  const asked = query.replaceAll('$__rate_interval', '20s');
  const { data, error } = await get(`/api/v1/query?query=${encodeURIComponent(asked)}`);
  if (error) throw new Error(`${query}: ${error}`);
  return data.result.length;
}

interface Rules {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly { readonly alert?: string; readonly expr: string; readonly for?: string }[];
  }[];
}

/** The rules as they are, but for what an hour is: half a minute. */
function fasterRules(): Rules {
  const { groups } = parse(fs.readFileSync(rulesFile, 'utf8')) as Rules;
  const units: Readonly<Record<string, number>> = { m: 500, h: 30_000, d: 720_000 };
  const faster = (text: string) =>
    text.replace(/(\d+)([mhd])/g, (_, n: string, unit: string) => `${Number(n) * units[unit]!}ms`);
  return {
    groups: groups.map(({ name, rules }) => ({
      name,
      rules: rules.map((it) => ({
        ...it,
        expr: it.expr.replace(/(?<=\[|offset )\d+[mhd]/g, faster),
        ...(it.for !== undefined && { for: faster(it.for) }),
      })),
    })),
  };
}

/** An application that letters fail in, where nobody runs billing any more. */
async function faultyShop(store: Storage) {
  const billing = subscriber({
    name: 'billing',
    on: [reaction(OrderPlaced, () => undefined)],
    checkpointMs: 10,
  });
  const send = ({ amount }: OrderPlaced) => {
    if (amount === 13) throw new TypeError('no printer');
  };
  const letters = subscriber({
    name: 'letters',
    on: [reaction(OrderPlaced, send, { name: 'send' })],
    checkpointMs: 10,
    retry: { attempts: 1 },
  });
  const of = (subscribers: readonly (typeof billing)[]) =>
    defineBackstory({ name: 'shop', store, aggregates: [Order, Payment], subscribers: [...subscribers] });
  const before = await of([billing, letters]).start();
  await before.record('order-1', [new OrderPlaced(1)]);
  await before.handled('billing', 1);
  await before.close();
  const instrumentation = new Instrumentation({ sampleEveryMs: 50 });
  const app = await defineBackstory({
    ...{ name: 'shop', store, aggregates: [Order, Payment], subscribers: [letters] },
    observer: instrumentation.observer,
  }).start();
  instrumentation.watch(app);
  const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
  const provider = new MeterProvider({ readers: [reader] });
  const server = await reader.listen({ port: 0, host: '127.0.0.1' });
  return {
    app,
    target: `127.0.0.1:${server.port}`,
    async close(): Promise<void> {
      await server.close();
      await instrumentation.shutdown();
      await app.close();
      await provider.shutdown();
    },
  };
}

test('a dead consumer, a poisoned handler and a silent producer are alerts that Alertmanager receives', async () => {
  const alertmanager = opened(await startAlertmanager());
  const { app, target } = opened(await faultyShop(memory()));
  const prometheus = opened(await startPrometheus({ targets: [target], rules: fasterRules(), alertmanager }));
  const pay = (amount: number) => app.record('payment-1', [new PaymentRequested(amount)]);
  const published = 'events_published_total{event_type="payment.requested"}';
  await pay(1);
  await eventually(async () => (await dataOf(prometheus, published)) > 0);
  for (let i = 0; i < 30; i++) await pay(1);
  await app.record('order-13', [new OrderPlaced(13)]);
  const received = new Set<string>();
  await eventually(async () => {
    await app.record('order-2', [new OrderPlaced(1)]);
    for (const { labels } of await alertmanager.get('/api/v2/alerts'))
      received.add(`${labels.alertname}: ${labels.event_type ?? labels.handler ?? labels.subscription}`);
    return EXPECTED.every((it) => received.has(it));
  }, 240_000).catch(() => undefined);
  expect([...received]).toEqual(expect.arrayContaining(EXPECTED));
});

test('what the application finds itself a real Alertmanager receives, also that it is over', async () => {
  const alertmanager = opened(await startAlertmanager());
  const instrumentation = new Instrumentation({
    analysis: { shipped: false, record: false, alertmanager: { url: alertmanager.url, resendMs: 50 } },
  });
  const { analysis } = instrumentation;
  let queue = 6;
  analysis.add({
    name: 'queue',
    value: () => queue,
    when: { gt: 5 },
    severity: 'critical',
    summary: 'Full.',
  });
  const found = async () =>
    eventually(async () => {
      analysis.evaluate();
      const [alert] = await alertmanager.get('/api/v2/alerts');
      return alert;
    });
  expect(await found()).toMatchObject({
    labels: { alertname: 'queue', severity: 'critical', kind: 'alert', application: 'backstory' },
    annotations: { summary: 'Full.', description: '6 is more than 5', value: '6' },
    status: { state: 'active' },
  });
  queue = 1;
  await eventually(async () => {
    analysis.evaluate();
    return (await alertmanager.get('/api/v2/alerts')).length === 0;
  });
  await instrumentation.shutdown();
});

const EXPECTED = [
  'BackstoryConsumerStalled: billing',
  'BackstoryDeadLetters: letters.send',
  'BackstoryEventSilent: payment.requested',
];
