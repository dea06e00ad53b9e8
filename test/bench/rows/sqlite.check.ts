import { rmSync } from 'node:fs';
import path from 'node:path';
import { defineBackstory, sqlite } from 'backstory';
import { runJson } from '../../support/run-cli.js';
import { Account } from '../payload.js';
import type { Row } from '../row.js';
import { readContest } from '../sqlite/read-contest.js';

const LENGTH = 20;
const PAGE = 500;

export const row: Row = {
  name: 'sqlite.check',
  unit: 'events/s',
  target: 0.6,
  ours: 'backstory check record, in this process: folds every stream, writes a digest of its declared state at every version',
  bare: 'SELECT of the same columns after the last position, 500 rows at a time, until there are none; the data of each event parsed',
  async prepare(setting) {
    const streams = Math.ceil(50_000 * setting.scale);
    const { bare, columns, ...contest } = await readContest(setting, { streams, length: LENGTH });
    const head = streams * LENGTH;
    const select = bare.prepare(
      `SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ${PAGE}`,
    );
    const cwd = setting.folder;
    const store = sqlite(path.join(cwd, 'log.db'), { driver: setting.driver });
    const definition = defineBackstory({ name: 'bench', store, aggregates: [Account] });
    let checked: { readonly streams?: number; readonly events?: number } = {};
    let read = { events: 0, things: 0 };
    return {
      ...contest,
      amount: head,
      expected: `${head} events`,
      ours: {
        expected: `${head} events of ${streams} streams`,
        before: () => rmSync(path.join(cwd, 'trails'), { force: true }),
        async run() {
          const { envelope } = await runJson(['check', 'record', '--file', 'trails'], { cwd, definition });
          checked = envelope.data;
        },
        proof() {
          const { events = 0, streams: folded = 0 } = checked;
          checked = {};
          return `${events} events of ${folded} streams`;
        },
      },
      bare: {
        proof() {
          const { events, things } = read;
          read = { events: 0, things: 0 };
          return things === events ? `${events} events` : `${things} of ${events} parsed`;
        },
        run() {
          for (let position = 0; ;) {
            const rows = select.all([position]);
            if (rows.length === 0) break;
            for (const [, , , , , , , data] of rows)
              if (typeof JSON.parse(data as string) === 'object') read.things++;
            read.events += rows.length;
            position = rows.at(-1)![0] as number;
          }
        },
      },
    };
  },
};
