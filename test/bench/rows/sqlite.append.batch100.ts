import { inTurn } from '../batches.js';
import type { Row } from '../row.js';
import { appendContest } from '../sqlite/append-contest.js';

export const row: Row = {
  name: 'sqlite.append.batch100',
  unit: 'events/s',
  target: 0.8,
  ours: 'appends of 100 events to one stream, one after the other, at the version known',
  bare: 'the same events in the same order, a prepared INSERT a row, 100 rows a transaction',
  prepare: (setting) =>
    appendContest(setting, {
      batches: Math.ceil(100 * setting.scale),
      batchSize: 100,
      streams: 64,
      bareTransaction: 100,
      append: inTurn,
    }),
};
