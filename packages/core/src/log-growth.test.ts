import { Recorder } from './index.js';
import { logGrowth } from './observability.js';
import { MemoryEventStore } from './store.js';

test('what came in the last hour and today is counted, with what the framework noted', async () => {
  let clock = Date.parse('2026-11-27T23:00:00Z');
  const log = new MemoryEventStore({ now: () => clock });
  const recorder = new Recorder(log, { source: 'test' });
  const record = async (at: string, stream: string) => {
    clock = Date.parse(at);
    await recorder.record([{ stream, expected: 'any', events: [{ type: 'a', data: '{}' }] }], {
      system: true,
    });
  };
  expect(await logGrowth(log)).toEqual({ head: 0, events: 0, lastHour: 0, today: 0 });
  for (const at of ['2026-11-27T23:00:00Z', '2026-11-28T00:00:00Z', '2026-11-28T10:59:59Z'])
    await record(at, 'cart-1');
  await record('2026-11-28T11:00:00Z', 'cart-2');
  await record('2026-11-28T11:30:00Z', '_system-x');
  expect(await logGrowth(log, new Date('2026-11-28T12:00:00Z'))).toEqual({
    ...{ head: 5, events: 5, lastHour: 2, today: 4 },
  });
  expect(await logGrowth(log, new Date('2026-11-29T12:00:00Z'))).toMatchObject({ lastHour: 0, today: 0 });
  const sparse = Object.assign(Object.create(log) as MemoryEventStore, {
    capabilities: { ...log.capabilities, densePositions: false },
  });
  expect(await logGrowth(sparse)).toEqual({ head: 5 });
});
