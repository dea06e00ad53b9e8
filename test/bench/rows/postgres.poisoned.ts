import { SENTENCES, poisonedKeys } from '../poisoned-keys.js';
import { readContest } from '../postgres/read-contest.js';
import type { Row } from '../row.js';

export const row: Row = {
  name: 'postgres.poisoned',
  unit: 'events/s',
  target: 0.5,
  ...SENTENCES,
  prepare: async (setting) =>
    poisonedKeys(await readContest(setting, { streams: 100, length: 10 }), setting.scale),
};
