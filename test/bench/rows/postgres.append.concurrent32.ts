import { byStream } from '../batches.js';
import { appendContest } from '../postgres/append-contest.js';
import type { Row } from '../row.js';

const WRITERS = 32;

export const row: Row = {
  name: 'postgres.append.concurrent32',
  unit: 'events/s',
  target: 0.6,
  ours: '32 writers, each with a stream of its own, append single events at the version they know, one after the other',
  bare: 'the same events in turns over the same 32 streams, one prepared INSERT of 32 rows each, on one connection',
  prepare: (setting) =>
    appendContest(setting, {
      batches: WRITERS * Math.ceil(200 * setting.scale),
      batchSize: 1,
      streams: WRITERS,
      bareTransaction: WRITERS,
      append: byStream,
    }),
};
