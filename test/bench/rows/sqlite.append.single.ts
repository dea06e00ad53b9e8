import { inTurn } from '../batches.js';
import type { Row } from '../row.js';
import { appendContest } from '../sqlite/append-contest.js';

export const row: Row = {
  name: 'sqlite.append.single',
  unit: 'events/s',
  target: null,
  ours: 'one writer appends single events, one after the other, at the version it knows',
  bare: 'the same events in the same order, a prepared INSERT a row, each in a transaction of its own',
  prepare: (setting) =>
    appendContest(setting, {
      batches: Math.ceil(1_000 * setting.scale),
      batchSize: 1,
      streams: 64,
      bareTransaction: 1,
      append: inTurn,
    }),
};
