import type { Watched } from '@backstory/core/observability';
import { Measurements } from './measurements.js';
import { Sampler } from './sampler.js';

test('a process is measured on where the last application goes while another comes', async () => {
  const measurements = new Measurements();
  const memory = jest.spyOn(process.memoryUsage, 'rss').mockReturnValue(1);
  const sampler = new Sampler(measurements, { everyMs: 60_000 });
  let answer = (_identity: { head: number }) => undefined as void;
  const identity = () => new Promise<{ head: number }>((resolve) => (answer = resolve));
  const first = sampler.watch(app(identity));
  const ended = first();
  const second = sampler.watch(app(async () => ({ head: 0 })));
  answer({ head: 0 });
  await ended;
  memory.mockReturnValue(2);
  await sampler.look();
  expect(measurements.gauge('backstory.process.memory').at().value).toBe(2);
  await second();
  memory.mockRestore();
});

test('a store that hangs hides no other application, and nobody waits for it at the end', async () => {
  jest.useFakeTimers({ doNotFake: ['performance'] });
  const measurements = new Measurements();
  const sampler = new Sampler(measurements, { everyMs: 60_000 });
  let reads = 0;
  const hanging = () => new Promise<{ head: number }>(() => reads++);
  const ends = [hanging, async () => ({ head: 7 })].map((it) => sampler.watch(app(it)));
  const looked = (async () => {
    await sampler.look();
    await sampler.look();
  })();
  await jest.advanceTimersByTimeAsync(10_000);
  await looked;
  const head = measurements.gauge('backstory.store.head_position');
  expect(head.points.map(({ series }) => series.value)).toEqual([7]);
  // Nor is it asked again while it has not answered.
  void sampler.look();
  const ended = Promise.all(ends.map((end) => end()));
  await jest.advanceTimersByTimeAsync(1_000);
  await ended;
  expect(reads).toBe(1);
  jest.useRealTimers();
});

function app(identity: () => Promise<{ head: number }>): Watched {
  const none = { list: async () => [], parked: async () => [] };
  const events = { identity, capabilities: { densePositions: false } };
  return { name: 'shop', events, subscriptions: none, projections: none } as unknown as Watched;
}
