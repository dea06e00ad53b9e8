import type { Watched } from '@backstory/core/observability';
import { Measurements } from '../metrics/measurements.js';
import { History } from './history.js';
import { Monitor } from './monitor.js';
import { SlowestStreams } from './slowest-streams.js';

let now: number;
function monitored() {
  now = Date.parse('2026-11-28T12:00:00Z');
  const measurements = new Measurements();
  const history = new History(measurements, () => now);
  const monitor = new Monitor({ history, slowest: new SlowestStreams(), isMeasured: true, apps: () => [] });
  const handling = (seconds: number, handler = 'a') =>
    measurements.histogram('backstory.process.duration').at('order.placed', handler).record(seconds);
  const later = (seconds: number) => {
    now += seconds * 1_000;
    history.turn();
  };
  return { measurements, history, monitor, handling, later };
}

const HANDLING = 'backstory.process.duration';

test('a distribution has its count, mean, median, deviation and percentiles, within what was measured', () => {
  const { monitor, handling, later } = monitored();
  const values = Array.from({ length: 100 }, (_, i) => (i + 1) / 100);
  for (const [i, value] of values.entries()) {
    handling(value);
    if (i % 10 === 9) later(10);
  }
  const found = monitor.stats(HANDLING, { windowMs: 200_000 });
  expect(found).toMatchObject({ unit: 's', seconds: 100, count: 100, rate: 1, min: 0.01, max: 1 });
  const mean = values.reduce((a, b) => a + b) / 100;
  const deviation = Math.sqrt(values.reduce((sum, it) => sum + (it - mean) ** 2, 0) / 100);
  expect(found.mean).toBeCloseTo(mean, 9);
  expect(found.deviation).toBeCloseTo(deviation, 9);
  // Evenly spread, so interpolation has it right.
  expect(found.median).toBeCloseTo(0.5, 2);
  expect(found.percentiles!.p95).toBeCloseTo(0.95, 2);
  expect(found.percentiles!.p99).toBeCloseTo(0.99, 2);
  expect(found.history).toHaveLength(10);
  expect(found.history[0]).toMatchObject({ at: '2026-11-28T12:00:10.000Z', count: 10, min: 0.01, max: 0.1 });
});

test('a window sees what ended in it, with the interval that goes on', () => {
  const { monitor, handling, later } = monitored();
  handling(5);
  later(10);
  handling(1);
  later(10);
  handling(2);
  now += 1_000;
  expect(monitor.stats(HANDLING, { windowMs: 10_500 })).toMatchObject({ count: 2, min: 1, max: 2 });
  // Looking ends no interval.
  expect(monitor.stats(HANDLING, { windowMs: 10_500 }).count).toBe(2);
  expect(monitor.stats(HANDLING).count).toBe(3);
});

test('a rate is of the intervals that were counted, however short the window', () => {
  const { measurements, monitor, later } = monitored();
  const appended = measurements.counter('backstory.events.appended').at('a');
  for (let i = 0; i < 30; i++) {
    appended.add(1_000);
    later(10);
  }
  appended.add(900);
  now += 9_000;
  for (const windowMs of [1, 1_000, 10_000, 15_000, 100_000])
    expect(monitor.stats('backstory.events.appended', { windowMs }).rate).toBeCloseTo(100, 6);
  expect(monitor.stats('backstory.events.appended', { windowMs: 15_000 })).toMatchObject({
    seconds: 19,
    count: 1_900,
  });
});

test('what was counted before it was followed is no growth', () => {
  now = 0;
  const started = performance.now();
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => started + now);
  const measurements = new Measurements();
  const appended = measurements.counter('backstory.events.appended').at('a');
  appended.add(1_000_000);
  now += 60_000;
  const history = new History(measurements);
  const monitor = new Monitor({ history, slowest: new SlowestStreams(), isMeasured: true, apps: () => [] });
  const count = () => {
    now += 10_000;
    history.turn();
    return monitor.stats('backstory.events.appended').count;
  };
  expect(count()).toBe(0);
  appended.add(50);
  expect(count()).toBe(50);
  clock.mockRestore();
});

test('series are told apart by an attribute, or picked by it', () => {
  const { monitor, handling, later } = monitored();
  handling(1, 'a');
  handling(3, 'b');
  handling(5, 'b');
  later(10);
  const by = monitor.stats(HANDLING, { by: 'backstory.handler' });
  expect([...by].map(([name, { count, mean }]) => [name, count, mean])).toEqual([
    ['a', 1, 1],
    ['b', 2, 4],
  ]);
  expect(monitor.stats(HANDLING, { where: { 'backstory.handler': 'b' } }).count).toBe(2);
  expect(() => monitor.stats(HANDLING, { by: 'stream' })).toThrow('backstory.handler, error.type does');
  expect(() => monitor.stats('nothing')).toThrow('there is none called nothing');
  expect(() => monitor.stats(HANDLING, { windowMs: 3_600_001 })).toThrow('windowMs');
});

test('a counter is its growth by the second, over all its series', () => {
  const { monitor, measurements, later } = monitored();
  const appended = measurements.counter('backstory.events.appended');
  for (const growth of [10, 30, 0, 20]) {
    appended.at('a', 'order').add(growth);
    appended.at('b', 'order').add(growth);
    later(10);
  }
  const found = monitor.stats('backstory.events.appended');
  expect(found).toMatchObject({ count: 120, rate: 3, mean: 3, median: 2, min: 0, max: 6, seconds: 40 });
  expect(found.deviation).toBeCloseTo(Math.sqrt((4 + 36 + 0 + 16) / 4 - 9), 9);
  expect(found.history.map(({ mean }) => mean)).toEqual([2, 6, 0, 4]);
});

test('a minute of several counters weighs as much as its intervals did', () => {
  const { monitor, measurements, later } = monitored();
  const appended = measurements.counter('backstory.events.appended');
  const go = (times: number, growth: number) => {
    for (let i = 0; i < times; i++) {
      appended.at('a', 'order').add(growth);
      appended.at('b', 'order').add(growth);
      later(10);
    }
  };
  go(240, 5);
  go(60, 50);
  const found = monitor.stats('backstory.events.appended', { windowMs: 3_600_000 });
  const of = (value: number) => found.history.filter(({ mean }) => mean === value).length;
  // Of which most are minutes.
  expect(of(1)).toBeLessThan(of(10));
  expect(found).toMatchObject({ median: 1, percentiles: { p90: 10 } });
  expect(found.deviation).toBeCloseTo(Math.sqrt((240 * 1 + 60 * 100) / 300 - 2.8 ** 2), 9);
});

test('a gauge is what was seen of it; what is not there is not zero', () => {
  const { monitor, measurements, later } = monitored();
  const lag = measurements.gauge('backstory.subscription.lag.time');
  for (const value of [3, 9, 6]) {
    lag.clear();
    lag.at('fraud').set(value);
    later(10);
  }
  lag.clear();
  later(10);
  later(10);
  const found = monitor.stats('backstory.subscription.lag.time');
  expect(found).toMatchObject({ count: 3, mean: 6, median: 6, min: 3, max: 9, percentiles: { p99: 9 } });
  const unseen = monitor.stats('backstory.dead_letter.oldest_age');
  expect(unseen).toEqual({
    ...{ metric: 'backstory.dead_letter.oldest_age', unit: 's', seconds: 50 },
    ...{ count: 0, rate: 0, omitted: 0, history: [] },
  });
});

test('after ten minutes it is known by the minute, after an hour not at all, and nothing is lost on the way', () => {
  const { monitor, handling, later } = monitored();
  const go = (times: number) => {
    for (let i = 0; i < times; i++) {
      handling(i % 2 === 0 ? 1 : 3);
      later(10);
    }
    return monitor.stats(HANDLING, { windowMs: 3_600_000 });
  };
  expect(go(300)).toMatchObject({ count: 300, mean: 2, min: 1, max: 3, deviation: 1 });
  const { count, history } = go(600);
  expect(count).toBeGreaterThanOrEqual(355);
  expect(count).toBeLessThanOrEqual(366);
  expect(history.length).toBeLessThanOrEqual(112);
});

test('more series than there is room for have no history, and it is said how many', () => {
  const { monitor, history, handling, later } = monitored();
  for (let i = 0; i < 600; i++) handling(1, `h${i}`);
  later(10);
  expect(monitor.stats(HANDLING)).toMatchObject({ count: 250, omitted: 350 });
  expect(history.omitted).toBe(350);
  const by = monitor.stats(HANDLING, { by: 'backstory.handler' });
  expect([by.get('h0'), by.get('h599')]).toMatchObject([
    { count: 1, omitted: 0 },
    { count: 0, omitted: 1 },
  ]);
});

test('a metric with many series takes no other its history', () => {
  const { measurements, monitor, history, handling, later } = monitored();
  const gauges = measurements.all.filter(({ description }) => description.kind === 'gauge').slice(0, 8);
  for (const { description } of gauges)
    for (let i = 0; i < 200; i++) measurements.gauge(description.name as never).at(`s${i}`);
  later(10);
  for (let i = 0; i < 30; i++) handling(1, `h${i}`);
  measurements.histogram('backstory.command.duration').at('PlaceOrder').record(1);
  later(10);
  expect(monitor.stats('backstory.command.duration')).toMatchObject({ count: 1, omitted: 0 });
  expect(monitor.stats(HANDLING)).toMatchObject({ count: 20, omitted: 10 });
  expect(history.omitted).toBe(10 + 8 * 200 - 1_000 - 3 * 20);
});

test('a clock that is set changes nothing of what is known, and what happened is told by it as it is now', () => {
  let [system, elapsed] = [Date.parse('2026-11-28T12:00:00Z'), 0];
  jest.spyOn(Date, 'now').mockImplementation(() => system);
  const started = performance.now();
  jest.spyOn(performance, 'now').mockImplementation(() => started + elapsed);
  try {
    const measurements = new Measurements();
    const history = new History(measurements);
    const slowest = new SlowestStreams();
    const monitor = new Monitor({ history, slowest, isMeasured: true, apps: () => [] });
    const load = () =>
      slowest.ends.load!({ start: { stream: 'order-1' }, end: { eventsFolded: 3 }, seconds: 2 } as never);
    const go = (ms: number) => {
      measurements.counter('backstory.events.appended').at('a').add(10);
      [system, elapsed] = [system + ms, elapsed + ms];
      history.turn();
    };
    load();
    go(10_000);
    system -= 3_600_000;
    go(10_000);
    go(10_000);
    expect(monitor.stats('backstory.events.appended')).toMatchObject({ count: 30, rate: 1 });
    const times = monitor.stats('backstory.events.appended').history.map(({ at }) => at);
    expect(times).toEqual(['10', '20', '30'].map((it) => `2026-11-28T11:00:${it}.000Z`));
    expect(slowest.all).toMatchObject([{ at: '2026-11-28T11:00:00.000Z' }]);
    system += 7_200_000;
    expect(slowest.all).toHaveLength(1);
  } finally {
    jest.restoreAllMocks();
  }
});

test('however many probes ask, and however slow the store is, one looks', async () => {
  const looks: string[] = [];
  let answer = (_: unknown) => undefined as void;
  const answered = new Promise((resolve) => (answer = resolve));
  const events = {
    identity: () => {
      looks.push('store');
      return answered;
    },
  };
  const nothing = { list: async () => [], parked: async () => [] };
  const app = { name: 'shop', events, subscriptions: nothing, projections: nothing } as unknown as Watched;
  const { measurements } = monitored();
  const history = new History(measurements);
  const monitor = new Monitor({
    history,
    slowest: new SlowestStreams(),
    isMeasured: true,
    apps: () => [app],
  });
  const statuses: number[] = [];
  const ask = (url: string) =>
    new Promise<void>((resolve) => {
      const end = () => resolve();
      const writeHead = (status: number) => statuses.push(status);
      monitor.healthHandler({ url, method: 'GET' } as never, { writeHead, end } as never);
    });
  const asked = ['/health', '/health', '/health/ready', '/health/ready'].map(ask);
  await new Promise((resolve) => setImmediate(resolve));
  expect(looks).toHaveLength(2);
  answer({ head: 0 });
  await Promise.all(asked);
  expect(statuses).toEqual([200, 200, 200, 200]);
});

test('the streams that took longest are kept, each once, the slowest first', () => {
  const slowest = new SlowestStreams();
  const load = (stream: string, seconds: number) =>
    slowest.ends.load!({ start: { stream }, end: { eventsFolded: 3 }, seconds } as never);
  for (let i = 1; i <= 12; i++) load(`order-${i}`, i);
  load('order-12', 20);
  load('order-11', 2);
  load('_system-x', 99);
  expect(slowest.all.map(({ stream, seconds }) => [stream, seconds]).slice(0, 3)).toEqual([
    ['order-12', 20],
    ['order-11', 11],
    ['order-10', 10],
  ]);
  expect(slowest.all).toHaveLength(10);
});
