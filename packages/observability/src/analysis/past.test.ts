import type { RecordedOutcome } from '@backstory/core/observability';
import { Past } from './past.js';

const outcome = (state: RecordedOutcome['state'], attempts: number): RecordedOutcome => ({
  ...{ state, attempts, position: 1, eventType: 'order.placed', handler: 'bill', durationMs: 5 },
  ...{ startedAt: '2026-11-28T12:00:00.000Z', endedAt: '2026-11-28T12:00:01.000Z' },
});

test('of a subscription that kept failures only it is known what failed, and not of how much', () => {
  const past = (outcomes: readonly RecordedOutcome[]) =>
    new Past('shop', {
      ...{ own: [], from: Date.parse('2026-11-28T12:00:00Z'), isDense: true },
      outcomes: new Map([['billing', outcomes]]),
    });
  const failures = past([outcome('dead', 3), outcome('handled', 2)]);
  expect(failures.withoutOutcomes).toEqual(['billing']);
  failures.goTo(Date.parse('2026-11-28T12:01:00Z'));
  expect([
    failures.knows('backstory.process.duration'),
    failures.knows('backstory.dead_letter.moved'),
  ]).toEqual([...[false, true]]);
  expect(failures.stats('backstory.process.duration').count).toBe(0);
  expect(failures.stats('backstory.dead_letter.moved').count).toBe(1);
  const all = past([outcome('dead', 3), outcome('handled', 1)]);
  all.goTo(Date.parse('2026-11-28T12:01:00Z'));
  expect(all.withoutOutcomes).toEqual([]);
  expect(all.stats('backstory.process.duration').count).toBe(2);
});
