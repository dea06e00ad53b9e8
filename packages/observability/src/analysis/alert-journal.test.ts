import type { Write } from '@backstory/core';
import { silent } from '@backstory/core/observe';
import { AlertJournal } from './alert-journal.js';

test('what the log did not say it had recorded is recorded under the same ids the next time, however much later', async () => {
  const asked: (readonly Write[])[] = [];
  const append = async (writes: readonly Write[]): Promise<never> => {
    asked.push(writes);
    throw new Error('it broke off');
  };
  const journal = new AlertJournal({ append }, { source: 'bank', observer: silent }, () => undefined);
  journal.note('raised', {
    ...{ alert: 'queue', kind: 'alert', labels: {}, severity: 'warning', value: 6, why: 'it is 6' },
    ...{ startedAt: '2026-11-28T12:00:00.000Z', instance: 'a:1' },
  });
  await journal.flush();
  await journal.flush();
  const ids = asked.map((writes) => writes.flatMap(({ events }) => events.map(({ id }) => id)));
  expect(ids).toHaveLength(2);
  expect(ids[0]).toEqual([expect.any(String)]);
  expect(ids[1]).toEqual(ids[0]);
});
