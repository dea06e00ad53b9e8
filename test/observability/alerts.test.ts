import { alertsOf, type Watched } from '@backstory/core/observability';
import { Instrumentation, metricFrom } from '@backstory/observability';
import { AlertRaised, AlertResolved, failureShare, mad, stat } from '@backstory/observability/analysis';
import { StoreUnavailable, defineBackstory, memory, type App, type BackstoryOptions } from 'backstory';
import { reaction, subscriber, type SubscriptionOptions } from 'backstory/subscriptions';
import { Deposited } from '../support/bank-events.js';
import { alertmanagerDouble } from '../support/alertmanager-double.js';
import { eventually } from '../support/eventually.js';
import { runCli, runJson } from '../support/run-cli.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const queue = { value: 0 as number | undefined };
const RULE = { name: 'queue', value: () => queue.value, when: { gt: 5 }, cooldownMs: 0 } as const;

async function started(options: Partial<BackstoryOptions>, analysis: object = {}) {
  const instrumentation = new Instrumentation({
    own: [metricFrom(Deposited, ({ amount }) => amount, { name: 'deposits' })],
    analysis: { shipped: false, rules: [RULE], everyMs: 2 ** 31 - 1, ...analysis },
  });
  queue.value = 0;
  const bank = defineBackstory({
    ...{ name: 'bank', store: memory(), events: [Deposited], observability: instrumentation },
    ...options,
  });
  const app = await bank.start();
  closing.push(() => app.close());
  const at = (value: number | undefined) => {
    queue.value = value;
    instrumentation.analysis.evaluate();
  };
  return { app, bank, instrumentation, at };
}

const recorded = async (app: App) => {
  const found: [string, string][] = [];
  for await (const page of app.events.readAll({ categories: ['_alerts'] }))
    found.push(...page.events.map(({ stream, type }) => [stream, type] as [string, string]));
  return found;
};

test('alerts are events of the application, which subscriptions handle that ask for them', async () => {
  const handled: string[] = [];
  const pager = (name: string, options: SubscriptionOptions) =>
    subscriber({
      name,
      ...options,
      on: [
        reaction(AlertRaised, (it) => void handled.push(`${name}: ${it.alert} ${it.severity} ${it.why}`)),
        reaction(AlertResolved, (it) => void handled.push(`${name}: ${it.because}`)),
      ],
    });
  const subscribers = [pager('pager', { includeSystem: true }), pager('deaf', {})];
  const { app, at } = await started({ subscribers });
  at(6);
  at(1);
  await eventually(() => handled.length === 2);
  expect(handled).toEqual(['pager: queue warning 6 is more than 5', 'pager: value']);
  expect(await recorded(app)).toEqual([
    ['_alerts-queue', 'alert.raised'],
    ['_alerts-queue', 'alert.resolved'],
  ]);
  const { head } = await app.events.identity();
  await app.handled('pager', head);
  await app.handled('deaf', head);
  expect(handled).toHaveLength(2);
  const all = await app.subscriptions.list();
  expect(all.map(({ lag }) => lag.seconds)).toEqual([0, 0]);
});

test('a subscription that waits for alerts is behind while it does not run', async () => {
  const subscribers = [
    subscriber({ name: 'pager', includeSystem: true, on: [reaction(AlertRaised, () => undefined)] }),
  ];
  const { app, at } = await started({ subscribers });
  await app.subscriptions.pause('pager', { actor: 'ann' });
  await eventually(async () => (await app.subscriptions.status('pager')).state === 'paused');
  at(6);
  await eventually(async () => (await recorded(app)).length === 1);
  await eventually(async () => (await app.subscriptions.status('pager')).lag.seconds > 0);
});

test('what was raised is listed, the latest first, with how long it lasted', async () => {
  const { app, bank, at } = await started({});
  at(6);
  at(1);
  at(7);
  await eventually(async () => (await recorded(app)).length === 3);
  const found = await alertsOf(app.events);
  expect(found.map(({ alert, state, value }) => [alert, state, value])).toEqual([
    ['queue', 'firing', 7],
    ['queue', 'resolved', 6],
  ]);
  const { stdout } = await runCli(['alerts', 'list'], { definition: bank });
  expect(stdout.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['alert', 'of', 'severity', 'state', 'from', 'lasted', 'why'],
    ['queue', 'warning', 'firing', expect.any(String), '7 is more than 5'],
    ['queue', 'warning', 'resolved', expect.any(String), '0 s', '6 is more than 5'],
    [''],
  ]);
  const { envelope } = await runJson(['alerts', 'list', '--firing'], { definition: bank });
  expect(envelope.data.alerts).toMatchObject([{ alert: 'queue', state: 'firing', escalations: 0 }]);
});

test('a process that ends says so, and nothing is left of its timer', async () => {
  const { app, bank, at } = await started({});
  at(6);
  await app.close();
  const { envelope } = await runJson(['alerts', 'list'], { definition: bank });
  expect(envelope.data.alerts).toMatchObject([{ state: 'resolved', because: 'closed' }]);
});

test('where the first of two applications closes, what is raised is over in its log and goes on in that of the other', async () => {
  const { app, bank, instrumentation, at } = await started({});
  const other = defineBackstory({ name: 'shop', store: memory(), observability: instrumentation });
  const second = await other.start();
  closing.push(() => second.close());
  at(6);
  await app.close();
  at(1);
  const listed = async (definition: typeof bank) =>
    (await runJson(['alerts', 'list'], { definition })).envelope.data.alerts as object[];
  expect(await listed(bank)).toMatchObject([{ alert: 'queue', state: 'resolved', because: 'closed' }]);
  await eventually(async () => (await recorded(second)).length === 2);
  expect((await recorded(second)).map(([, type]) => type)).toEqual(['alert.raised', 'alert.resolved']);
});

test('a log that cannot be reached disturbs nobody; what was raised is recorded once it can, once', async () => {
  const { app, instrumentation } = await started({});
  const calls: number[] = [];
  let isThere = false;
  const events = Object.assign(Object.create(app.events) as Watched['events'], {
    append: async (writes: never) => {
      calls.push(1);
      // It was recorded, and nobody heard of it.
      if (calls.length === 1) await app.events.append(writes);
      if (!isThere) throw new StoreUnavailable('memory', 'gone');
      return app.events.append(writes);
    },
  });
  const second = new Instrumentation({ analysis: { shipped: false, rules: [RULE] } });
  const unwatch = second.watch({
    ...{ name: 'bank', events },
    subscriptions: app.subscriptions,
    projections: app.projections,
  });
  queue.value = 6;
  second.analysis.evaluate();
  await eventually(() => calls.length > 1);
  isThere = true;
  await unwatch();
  await second.shutdown();
  expect(await recorded(app)).toEqual([
    ['_alerts-queue', 'alert.raised'],
    ['_alerts-queue', 'alert.resolved'],
  ]);
  expect(instrumentation.analysis.rules[0]!.values).toEqual([]);
});

test('own metrics have rules and detectors, and an Alertmanager hears of it', async () => {
  const double = await alertmanagerDouble();
  closing.push(() => double.close());
  const { app, instrumentation } = await started({}, { alertmanager: { url: double.url } });
  const { analysis } = instrumentation;
  analysis.add({ name: 'large', value: stat('deposits', 'max'), when: { gt: 100 } });
  analysis.add({ name: 'unusual', value: stat('deposits', 'max'), detect: mad({ minimum: 3, least: 1 }) });
  for (let i = 0; i < 6; i++) {
    await app.record('account-1', [new Deposited(5)]);
    analysis.evaluate();
  }
  await app.record('account-1', [new Deposited(500)]);
  analysis.evaluate();
  const [posted] = await eventually(() => (double.posts.length > 0 ? double.posts : undefined));
  expect(posted!.map(({ labels }) => [labels['alertname'], labels['kind'], labels['application']])).toEqual([
    ['large', 'alert', 'backstory'],
    ['unusual', 'anomaly', 'backstory'],
  ]);
});

test('the past is judged by the log and by what was kept of it; the rest is unknown', async () => {
  const billing = (name: string, options: SubscriptionOptions) =>
    subscriber({
      name,
      ...options,
      on: [
        reaction(
          Deposited,
          ({ amount }) => {
            if (amount === 13) throw new TypeError('unlucky');
          },
          { name: 'bill' },
        ),
      ],
    });
  const retry = { attempts: 1 };
  const subscribers = [
    billing('billing', { outcomes: 'all', retry, key: ({ id }) => id, breaker: { keys: 1_000 } }),
    billing('quiet', { retry, key: ({ id }) => id, breaker: { keys: 1_000 } }),
  ];
  const { app, bank, instrumentation } = await started({ subscribers });
  const { analysis } = instrumentation;
  const handling = failureShare('backstory.process.duration', { by: 'backstory.handler' });
  analysis.add({
    name: 'failures',
    value: handling,
    when: { gt: 0.3 },
    severity: { warning: 0.3, critical: 0.9 },
  });
  analysis.add({ name: 'commands', value: failureShare('backstory.command.duration'), when: { gt: 0 } });
  analysis.add({ name: 'no-commands', value: stat('backstory.command.duration', 'rate'), when: { lt: 1 } });
  analysis.add({ name: 'large', value: stat('deposits', 'max'), when: { gt: 100 } });
  analysis.add({
    name: 'lag',
    value: stat('backstory.subscription.lag.events', 'last', { by: 'backstory.subscription' }),
    when: { gt: 1e6 },
  });
  analysis.add({ name: 'idle', value: stat('deposits', 'max'), when: { gt: 0 }, enabled: false });
  analysis.remove('queue');
  for (let i = 0; i < 12; i++) await app.record(`account-${i}`, [new Deposited(i % 2 === 0 ? 13 : 500)]);
  const { head } = await app.events.identity();
  await app.handled('billing', head).catch(() => undefined);
  await eventually(async () => (await app.subscriptions.outcomes('billing')).length === 12);
  const until = new Date(Date.now() + 60_000);
  const found = await analysis.backtest(app, { from: new Date(Date.now() - 3_600_000), upTo: until });
  expect(found.alerts.map(({ alert, labels, severity, value }) => [alert, labels, severity, value])).toEqual([
    ['failures', { handler: 'billing.bill' }, 'warning', 0.5],
    ['large', {}, 'warning', 500],
  ]);
  expect(found).toMatchObject({
    unknown: ['commands', 'no-commands'],
    withoutOutcomes: ['quiet'],
    outcomes: 12,
  });
  expect(found.events).toBeGreaterThanOrEqual(12);
  const to = until.toISOString();
  const { stdout } = await runCli(['alerts', 'backtest', '--to', to], { definition: bank });
  expect(stdout).toContain('12 outcomes.');
  expect(stdout).toMatch(/failures {2}billing.bill {2}warning/);
  expect(stdout).toContain('Nothing is known of what these are about: commands, no-commands.');
  const { envelope } = await runJson(['alerts', 'backtest', '--to', to], { definition: bank });
  // As the README of the command has it.
  expect(Object.keys(envelope.data)).toEqual([
    ...['from', 'upTo', 'events', 'outcomes', 'alerts', 'unknown', 'withoutOutcomes'],
  ]);
  const none = await runJson(['alerts', 'backtest'], {
    definition: defineBackstory({ name: 'a', store: memory() }),
  });
  expect([none.exitCode, none.envelope.error]).toMatchObject([2, { facts: { reason: 'no-rules' } }]);
  const wrong = await runJson(['alerts', 'backtest', '--from', '2030-01-01'], { definition: bank });
  expect(wrong.envelope.error!.code).toBe('BACKSTORY_INVALID_OPTION');
  expect((await runJson(['alerts', 'list', '--every', '5'], { definition: bank })).exitCode).toBe(2);
  expect((await runJson(['alerts', 'backtest', '--firing'], { definition: bank })).exitCode).toBe(2);
});
