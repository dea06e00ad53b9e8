import path from 'node:path';
import { besideSealer } from '../audit/beside-sealer.js';
import type { Row } from '../row.js';
import { readContest } from '../sqlite/read-contest.js';

const LENGTH = 1_000;

export const row: Row = {
  name: 'sqlite.append.sealed',
  unit: 'events/s',
  target: 0.9,
  ours: 'appends of 10 events, one after the other, while another process seals the log of 200,000 events from its beginning',
  bare: 'the same appends to the same store, while nobody seals',
  async prepare(setting) {
    const { driver, folder, scale } = setting;
    const streams = Math.ceil(200 * scale);
    const { storage, bare, ddl, close } = await readContest(setting, { streams, length: LENGTH });
    const select = bare.prepare("SELECT count(*) FROM events WHERE position > ? AND stream = 'beside'");
    const contest = await besideSealer({
      storage,
      appends: Math.ceil(3_000 * scale),
      sealer: [path.join(folder, 'audit'), path.join(folder, 'log.db'), driver],
      count: (after) => (select.all([after]) as [[number]])[0][0],
    });
    return { ...contest, ...(ddl !== undefined && { ddl }), close };
  },
};
