import { inTurn } from '../batches.js';
import { appendContest } from '../postgres/append-contest.js';
import type { Row } from '../row.js';

export const row: Row = {
  name: 'postgres.append.single',
  unit: 'events/s',
  target: 0.7,
  ours: 'one writer appends single events, one after the other, at the version it knows',
  bare: 'the same events in the same order, one prepared INSERT of one row each, on one connection',
  prepare: (setting) =>
    appendContest(setting, {
      // Over shorter rounds one would measure how each side warms up after the collection of garbage before it.
      batches: Math.ceil(4_000 * setting.scale),
      batchSize: 1,
      streams: 64,
      bareTransaction: 1,
      append: inTurn,
    }),
};
