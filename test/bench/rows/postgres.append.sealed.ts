import path from 'node:path';
import { besideSealer } from '../audit/beside-sealer.js';
import { readContest } from '../postgres/read-contest.js';
import type { Row } from '../row.js';

const LENGTH = 1_000;

export const row: Row = {
  name: 'postgres.append.sealed',
  unit: 'events/s',
  target: 0.9,
  ours: 'appends of 10 events, one after the other, while another process seals the log of 100,000 events from its beginning',
  bare: 'the same appends to the same store, while nobody seals',
  async prepare(setting) {
    const { folder, scale } = setting;
    const streams = Math.ceil(100 * scale);
    const { storage, bare, url, ddl, close } = await readContest(setting, { streams, length: LENGTH });
    const text = "select count(*)::int as count from events where position > $1 and stream = 'beside'";
    const contest = await besideSealer({
      storage,
      appends: Math.ceil(3_000 * scale),
      sealer: [path.join(folder, 'audit'), url],
      count: async (after) => (await bare.query<{ count: number }>(text, [after])).rows[0]!.count,
    });
    return { ...contest, ...(ddl !== undefined && { ddl }), close };
  },
};
