import type { EventStore, StoredEvent } from '@backstory/core';
import type { ProjectionModel } from '../definition/projection-model.js';
import { LogBetween } from './log-between.js';

function between(lengths: readonly number[]): LogBetween {
  const stored = lengths.map((length, i) => ({ position: i + 1, data: 'x'.repeat(length) }) as StoredEvent);
  const events = {
    identity: () => Promise.resolve({ head: stored.length }),
    async *readAll() {
      yield { events: stored, through: stored.length };
    },
  } as unknown as EventStore;
  return new LogBetween({ events, model: { typeNames: ['a'] } as unknown as ProjectionModel });
}

it('more of the log than may be held is not, and is read again where it is needed', async () => {
  const little = between([1, 1]);
  await little.load(0);
  expect(little.isTooLong).toBe(false);
  expect(little.covers({ after: 0, upTo: 2 })).toBe(true);
  const much = between([17 * 2 ** 20, 17 * 2 ** 20]);
  await much.load(0);
  expect(much.isTooLong).toBe(true);
  expect(much.covers({ after: 0, upTo: 2 })).toBe(false);
});
