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

function app(identity: () => Promise<{ head: number }>): Watched {
  const none = { list: async () => [], parked: async () => [] };
  const events = { identity, capabilities: { densePositions: false } };
  return { name: 'shop', events, subscriptions: none, projections: none } as unknown as Watched;
}
