import type { Watched } from '@backstory/core/observability';
import { silent } from '@backstory/core/observe';
import { Measurements } from '../metrics/measurements.js';
import { DeclaredMetrics } from '../metrics/declared-metrics.js';
import { History } from '../monitor/history.js';
import { Monitor } from '../monitor/monitor.js';
import { SlowestStreams } from '../monitor/slowest-streams.js';
import { Analysis, type AnalysisOptions } from './analysis.js';
import type { AlertChange } from './alert-state.js';
import { mad, silence } from './detectors.js';
import { failureShare, stat } from './value.js';

const MINUTE = 60_000;

function analysed(options: AnalysisOptions = { shipped: false }) {
  let now = Date.parse('2026-11-28T12:00:00Z');
  const { evaluate, heard, ...rest } = analysedBy(() => now, options);
  const value: { now: number | undefined } = { now: 0 };
  const later = (ms: number) => {
    now += ms;
    evaluate();
    return heard.splice(0).map(({ step, severity }) => `${step} ${severity}`);
  };
  const at = (found: number | undefined, ms = 10_000) => {
    value.now = found;
    return later(ms);
  };
  return { ...rest, heard, later, at, value: () => value.now };
}

function analysedBy(clock: (() => number) | undefined, options: AnalysisOptions) {
  const measurements = new Measurements();
  const history = new History(measurements, clock);
  const monitor = new Monitor({ history, slowest: new SlowestStreams(), isMeasured: true, apps: () => [] });
  const heard: AlertChange[] = [];
  let dropped = 0;
  const lines: string[] = [];
  const write = (message: string) => void lines.push(message);
  const logger = { warn: write, info: write } as never;
  const analysis = new Analysis(
    {
      ...(clock && { clock }),
      ...{ monitor, logger, observer: () => silent, own: [], serviceName: 'shop' },
      dropped: (count) => void (dropped += count),
    },
    options,
  );
  analysis.onAlert((change) => void heard.push(change));
  const evaluate = () => {
    history.turn();
    analysis.evaluate();
  };
  const metrics = new DeclaredMetrics(measurements, () => undefined);
  return {
    ...{ analysis, measurements, metrics, heard, lines, evaluate },
    dropped: () => dropped,
  };
}

test('an alert is raised, goes on in silence, and is resolved', () => {
  const { analysis, value, at, heard, lines } = analysed();
  analysis.add({ name: 'queue', value, when: { gt: 5 }, summary: 'Nobody works it off.' });
  expect(at(5)).toEqual([]);
  expect(at(6)).toEqual(['raised warning']);
  expect([at(7), at(8)]).toEqual([[], []]);
  at(8);
  analysis.onAlert((change) => void heard.push(change));
  expect(at(1)).toEqual(['resolved warning', 'resolved warning']);
  expect(lines).toEqual(['Alert raised', 'Alert resolved']);
});

test('what an alert says: the rule, the value, why, and since when', () => {
  const { analysis, value, at } = analysed();
  const heard: AlertChange[] = [];
  analysis.onAlert((change) => void heard.push(change));
  analysis.add({ name: 'queue', value, when: { gt: 5 }, summary: 'Nobody works it off.' });
  at(6.25);
  expect(heard).toEqual([
    {
      ...{ step: 'raised', alert: 'queue', kind: 'alert', labels: {}, severity: 'warning', value: 6.25 },
      ...{ why: '6.25 is more than 5', summary: 'Nobody works it off.' },
      startedAt: '2026-11-28T12:00:10.000Z',
    },
  ]);
});

test('an unknown value is said to be unknown: it raises nothing and resolves nothing', () => {
  const { analysis, value, at } = analysed();
  analysis.add({ name: 'queue', value, when: { lt: 5 } });
  const state = () => analysis.rules[0]!.values.map((it) => [it.state, it.isFiring]);
  expect(at(undefined)).toEqual([]);
  expect(state()).toEqual([['unknown', false]]);
  expect(at(4)).toEqual(['raised warning']);
  expect([at(undefined), at(NaN), at(Infinity)]).toEqual([[], [], []]);
  expect(state()).toEqual([['unknown', true]]);
  expect(at(6)).toEqual(['resolved warning']);
});

test('a value that throws is unknown and counted, and the other rules are looked at', () => {
  const { analysis, value, at, dropped } = analysed();
  const broken = () => {
    throw new Error('no gauge');
  };
  analysis.add({ name: 'broken', value: broken, when: { gt: 0 } });
  analysis.add({ name: 'judge', value, when: broken });
  analysis.add({ name: 'queue', value, when: { gt: 5 } });
  expect(at(6)).toEqual(['raised warning']);
  expect(analysis.rules.map(({ values }) => values[0]!.state)).toEqual(['unknown', 'unknown', 'broken']);
  expect(dropped()).toBe(2);
});

test.each([
  ['a promise', () => Promise.resolve(7)],
  ['an object that is no list of pairs', () => ({ a: 7 })],
])('%s is no value: it is unknown and counted, and the other rules are looked at', (_, given) => {
  const { analysis, value, at, dropped } = analysed();
  analysis.add({ name: 'broken', value: given as never, when: { gt: 0 } });
  analysis.add({ name: 'queue', value, when: { gt: 5 } });
  expect(at(6)).toEqual(['raised warning']);
  expect(analysis.rules.map(({ values }) => values[0]!.state)).toEqual(['unknown', 'broken']);
  expect(dropped()).toBe(1);
});

test('it must be broken for a while, where the rule says so', () => {
  const { analysis, value, at } = analysed();
  analysis.add({ name: 'queue', value, when: { gt: 5 }, forMs: 20_000 });
  expect([at(6), at(6), at(1), at(6), at(6)]).toEqual([[], [], [], [], []]);
  expect(at(6)).toEqual(['raised warning']);
});

test('severity follows the size of the breach, up and never down', () => {
  const { analysis, value, at } = analysed();
  analysis.add({ name: 'errors', value, when: { gt: 0.05 }, severity: { warning: 0.05, critical: 0.2 } });
  expect(at(0.06)).toEqual(['raised warning']);
  expect(at(0.3)).toEqual(['escalated critical']);
  expect(at(0.06)).toEqual([]);
  expect(at(0.01)).toEqual(['resolved critical']);
  const { analysis: another, value: room, at: left } = analysed();
  another.add({ name: 'room', value: room, when: { lt: 10 }, severity: { info: 10, critical: 2 } });
  expect([left(9), left(2)]).toEqual([['raised info'], ['escalated critical']]);
  const third = analysed();
  third.analysis.add({
    name: 'own',
    value: third.value,
    when: { gt: 1 },
    severity: ({ size }) => (size > 9 ? 'critical' : 'info'),
  });
  expect([third.at(2), third.at(10)]).toEqual([['raised info'], ['escalated critical']]);
});

test('what is resolved and broken again a moment later is suppressed, and raised when that is over', () => {
  const { analysis, value, at } = analysed();
  analysis.add({ name: 'queue', value, when: { gt: 5 }, cooldownMs: MINUTE });
  expect([at(6), at(1), at(6)]).toEqual([['raised warning'], ['resolved warning'], ['suppressed warning']]);
  // It flaps: that was said.
  expect([at(6), at(1), at(6)]).toEqual([[], [], []]);
  expect(at(6, MINUTE)).toEqual(['raised warning']);
});

test('silence of an hour is heard, also where rules are evaluated every second', () => {
  for (const everyMs of [10_000, 1_000]) {
    const { analysis, value, at } = analysed();
    analysis.add({ name: 'silent', value, detect: silence({ forMs: 60 * MINUTE }) });
    at(1, everyMs);
    const heard: string[] = [];
    for (let ms = 0; ms < 60 * MINUTE; ms += everyMs) heard.push(...at(0, everyMs));
    expect(heard).toEqual(['raised warning']);
  }
});

test('a clock that is set back keeps nothing from being raised and escalated', () => {
  let [system, elapsed] = [Date.parse('2026-11-28T12:00:00Z'), 0];
  jest.spyOn(Date, 'now').mockImplementation(() => system);
  const started = performance.now();
  jest.spyOn(performance, 'now').mockImplementation(() => started + elapsed);
  try {
    const { analysis, heard, evaluate } = analysedBy(undefined, {
      shipped: false,
      escalateAfterMs: 2 * MINUTE,
    });
    const later = (ms: number) => {
      [system, elapsed] = [system + ms, elapsed + ms];
      evaluate();
    };
    analysis.add({ name: 'queue', value: () => 6, when: { gt: 5 }, forMs: MINUTE });
    later(0);
    system -= 60 * MINUTE;
    later(MINUTE);
    system -= 60 * MINUTE;
    later(2 * MINUTE);
    expect(heard.map(({ step, startedAt }) => [step, startedAt])).toEqual([
      ['raised', '2026-11-28T11:01:00.000Z'],
      ['escalated', '2026-11-28T11:01:00.000Z'],
    ]);
  } finally {
    jest.restoreAllMocks();
  }
});

test('a rule is suppressed by hand for a time', () => {
  const { analysis, value, at } = analysed();
  analysis.add({ name: 'queue', value, when: { gt: 5 } });
  analysis.suppress('queue', MINUTE);
  expect([at(6), at(6)]).toEqual([['suppressed warning'], []]);
  expect(at(6, MINUTE)).toEqual(['raised warning']);
  expect(() => analysis.suppress('other', 1)).toThrow('no rule or detector called other');
});

test('what nobody resolves is escalated, at its worst once more', () => {
  const { analysis, value, at } = analysed();
  analysis.add({ name: 'queue', value, when: { gt: 5 }, escalateAfterMs: MINUTE });
  expect([at(6), at(6, MINUTE), at(6, MINUTE), at(6, 10 * MINUTE)]).toEqual([
    ...[['raised warning'], ['escalated critical'], ['escalated critical'], []],
  ]);
  const { analysis: another, value: same, at: then } = analysed({ shipped: false, escalateAfterMs: 0 });
  another.add({ name: 'queue', value: same, when: { gt: 5 } });
  expect([then(6), then(6, 100 * MINUTE)]).toEqual([['raised warning'], []]);
});

test('rules are added, disabled, enabled and removed while it runs; what they raised is resolved', () => {
  const { analysis, value, at, heard } = analysed();
  const rule = { name: 'queue', value, when: { gt: 5 }, enabled: false } as const;
  analysis.add(rule);
  expect(() => analysis.add(rule)).toThrow('is there already');
  expect(at(6)).toEqual([]);
  analysis.enable('queue');
  expect(at(6)).toEqual(['raised warning']);
  analysis.disable('queue');
  expect(heard.splice(0)).toMatchObject([{ step: 'resolved', because: 'rule' }]);
  expect([at(6), analysis.rules[0]!.enabled]).toEqual([[], false]);
  analysis.enable('queue');
  expect(at(6)).toEqual(['raised warning']);
  analysis.remove('queue');
  expect([at(6), analysis.rules]).toEqual([['resolved warning'], []]);
  analysis.add({ ...rule, enabled: true });
  expect(at(6)).toEqual(['raised warning']);
});

test('each value of an attribute is an alert of its own, and one that is gone stays raised', () => {
  const { analysis, measurements, later, heard } = analysed();
  const lag = measurements.gauge('backstory.subscription.lag.time');
  analysis.add({
    name: 'lag',
    value: stat('backstory.subscription.lag.time', 'last', { by: 'backstory.subscription' }),
    when: { gt: 60 },
  });
  lag.at('fraud').set(90);
  lag.at('billing').set(1);
  analysis.evaluate();
  expect(heard.splice(0).map(({ labels }) => labels)).toEqual([{ subscription: 'fraud' }]);
  lag.clear();
  expect(later(10_000)).toEqual([]);
  expect(analysis.rules[0]!.values).toMatchObject([
    { labels: { subscription: 'fraud' }, state: 'unknown', isFiring: true },
  ]);
  lag.at('fraud').set(0);
  expect(later(10_000)).toEqual(['resolved warning']);
});

test('a rule over a metric that nobody declared yet is unknown, and known from then on', () => {
  const { analysis, metrics, later } = analysed();
  analysis.add({ name: 'baskets', value: stat('baskets', 'last'), when: { gt: 3 } });
  expect(later(10_000)).toEqual([]);
  expect(analysis.rules[0]!.values[0]!.state).toBe('unknown');
  metrics.gauge('baskets').set(4);
  expect(later(10_000)).toEqual(['raised warning']);
});

test('shares of failures: of few they are unknown, and commands that were refused have not failed', () => {
  const { analysis, measurements, later } = analysed();
  const handling = measurements.histogram('backstory.process.duration');
  const commands = measurements.histogram('backstory.command.duration');
  analysis.add({
    name: 'handling',
    value: failureShare('backstory.process.duration', { by: 'backstory.handler' }),
    when: { gt: 0.3 },
  });
  analysis.add({ name: 'commands', value: failureShare('backstory.command.duration'), when: { gt: 0 } });
  for (let i = 0; i < 9; i++) handling.at('e', 'a', 'TypeError').record(1);
  for (let i = 0; i < 10; i++) handling.at('e', 'b', i < 4 ? 'TypeError' : undefined).record(1);
  for (let i = 0; i < 10; i++) commands.at('c', 'order', 'rejected', 'NoMoney').record(1);
  expect(later(10_000)).toEqual(['raised warning']);
  expect(analysis.rules[0]!.values).toMatchObject([
    { labels: { handler: 'a' }, state: 'unknown' },
    { labels: { handler: 'b' }, state: 'broken', why: '0.4 is more than 0.3' },
  ]);
  expect(analysis.rules[1]!.values[0]!.state).toBe('ok');
});

test('what is shipped: errors, latency, memory, processors, back pressure', () => {
  const { measurements, later, heard, analysis } = analysed({});
  expect(analysis.rules.map(({ name }) => name)).toEqual([
    'errors',
    'latency',
    'memory',
    'cpu',
    'back-pressure',
  ]);
  const gauge = (name: string) => measurements.gauge(`backstory.${name}`);
  const set = (high: boolean) => {
    gauge('process.memory.share')
      .at('resident')
      .set(high ? 0.81 : 0.79);
    gauge('process.cpu')
      .at()
      .set(high ? 0.95 : 0.5);
    gauge('subscription.back_pressure')
      .at('fraud')
      .set(high ? 1 : 0);
  };
  const handling = measurements.histogram('backstory.process.duration');
  for (let i = 0; i < 100; i++) handling.at('e', 'a', i < 5 ? 'TypeError' : undefined).record(1);
  set(false);
  for (let i = 0; i < 12; i++) expect(later(10_000)).toEqual([]);
  set(true);
  for (let i = 0; i < 2; i++) handling.at('e', 'a', 'TypeError').record(2);
  const alerts = new Set<string>();
  analysis.onAlert(({ alert, labels }) => void alerts.add(`${alert} ${Object.values(labels).join()}`));
  for (let i = 0; i < 14; i++) later(10_000);
  expect([...alerts].sort()).toEqual([
    'back-pressure fraud',
    'cpu ',
    'errors handling',
    'latency handling',
    'memory resident',
  ]);
  expect(heard).toEqual([]);
});

test('what a detector finds is an anomaly', () => {
  const { analysis, value, at } = analysed();
  analysis.add({ name: 'unusual', value, detect: mad() });
  const heard: AlertChange[] = [];
  analysis.onAlert((change) => void heard.push(change));
  for (let i = 0; i < 20; i++) expect(at(100 + (i % 3))).toEqual([]);
  expect(at(500)).toEqual(['raised warning']);
  expect(heard[0]).toMatchObject({ kind: 'anomaly', value: 500, why: '500, usual is 101 ± 1.483' });
});

test('callbacks that throw or reject disturb nobody and are counted', async () => {
  const { analysis, value, at, dropped } = analysed({
    shipped: false,
    onAlert: () => {
      throw new Error('no');
    },
  });
  analysis.onAlert(() => Promise.reject(new Error('no')));
  analysis.add({ name: 'queue', value, when: { gt: 5 } });
  expect(at(6)).toEqual(['raised warning']);
  await new Promise((resolve) => setImmediate(resolve));
  expect(dropped()).toBe(2);
});

test('memory is bounded: 100 values of a rule, and what is beyond them is counted', () => {
  const { analysis, later, dropped } = analysed();
  const many = new Map(Array.from({ length: 150 }, (_, i) => [`h${i}`, 1]));
  analysis.add({ name: 'many', value: () => many, when: { gt: 5 } });
  later(10_000);
  expect([analysis.rules[0]!.values.length, dropped()]).toEqual([100, 50]);
});

test('rules that mean nothing are refused, naming what is wrong', () => {
  const { analysis, value } = analysed();
  const add = (rule: object) => () => analysis.add({ name: 'a', value, when: { gt: 1 }, ...rule });
  expect(add({ name: '' })).toThrow('name');
  expect(add({ when: { gt: '1' } })).toThrow('when');
  expect(add({ when: { gt: 1, lt: 2 } })).toThrow('when');
  expect(add({ when: undefined })).toThrow('when');
  expect(add({ value: 5 })).toThrow('value');
  expect(add({ severity: 'high' })).toThrow('severity');
  expect(add({ forMs: -1 })).toThrow('forMs');
  expect(add({ sevrity: 'info' })).toThrow('sevrity');
});

test('alerts of one that closes are over because nobody looks any more, and its timer with them', async () => {
  const { analysis, value, at, heard } = analysed({ shipped: false, everyMs: 10 });
  const app = { name: 'shop', events: {} } as Watched;
  const unwatch = analysis.watch(app);
  analysis.add({ name: 'queue', value, when: { gt: 5 } });
  expect(at(6)).toEqual(['raised warning']);
  await unwatch();
  expect(heard).toMatchObject([{ step: 'resolved', because: 'closed' }]);
});
