import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Row, Setting } from '../row.js';
import { readContest } from '../sqlite/read-contest.js';

/** As it is run: from its start as a process to its end. The rounds before the first that counts compile the application, once for all. */
const COMMAND = path.join(__dirname, '../../../packages/cli/bin/backstory.js');
const LENGTH = 20;
const PAGE = 500;

export const row: Row = {
  name: 'sqlite.check',
  unit: 'events/s',
  target: 0.6,
  ours: 'backstory check record, from its start as a process, in as many threads as it takes by itself, the application compiled by an earlier run: folds every stream, writes digests of its declared state at every version',
  bare: 'SELECT of the same columns after the last position, 500 rows at a time, until there are none; the data of each event parsed',
  async prepare(setting) {
    const streams = Math.ceil(50_000 * setting.scale);
    const { bare, columns, ...contest } = await readContest(setting, { streams, length: LENGTH });
    const head = streams * LENGTH;
    const select = bare.prepare(
      `SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ${PAGE}`,
    );
    const cwd = setting.folder;
    const trails = path.join(cwd, 'trails');
    writeFileSync(path.join(cwd, 'backstory.config.ts'), configuration(setting));
    let checked: { readonly streams?: number; readonly events?: number } = {};
    let read = { events: 0, things: 0 };
    return {
      ...contest,
      amount: head,
      expected: `${head} events`,
      ours: {
        expected: `${head} events of ${streams} streams`,
        before: () => rmSync(trails, { force: true }),
        async run() {
          const argv = [COMMAND, 'check', 'record', '--file', trails, '--json'];
          const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd });
          checked = (JSON.parse(stdout) as { readonly data: typeof checked }).data;
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

/** The application, which each thread loads for itself. */
function configuration({ driver, folder }: Setting): string {
  const quoted = (...names: string[]) => JSON.stringify(path.join(...names));
  const from = path.join(__dirname, '..');
  return `import { defineBackstory, sqlite } from ${quoted(from, '..', '..', 'packages', 'backstory')};
import { Account } from ${quoted(from, 'payload.ts')};
const store = sqlite(${quoted(folder, 'log.db')}, { driver: '${driver}' });
export default defineBackstory({ name: 'bench', store, aggregates: [Account] });
`;
}
