import { byStream } from '../batches.js';
import type { Row } from '../row.js';
import { appendContest } from '../sqlite/append-contest.js';

const WRITERS = 64;

export const row: Row = {
  name: 'sqlite.append.concurrent64',
  unit: 'events/s',
  target: 0.5,
  ours: '64 writers, each with a stream of its own, append single events at the version they know, one after the other',
  bare: 'the same events in turns over the same 64 streams, a prepared INSERT a row, 100 rows a transaction',
  prepare: (setting) =>
    appendContest(setting, {
      batches: WRITERS * Math.ceil(100 * setting.scale),
      batchSize: 1,
      streams: WRITERS,
      bareTransaction: 100,
      append: byStream,
    }),
};
