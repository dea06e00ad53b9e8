import type { Contest, Setting } from '../row.js';
import { readContest } from '../sqlite/read-contest.js';
import { auditContest } from './audit-contest.js';

const LENGTH = 1_000;
const PAGE = 1_000;

/** What both sides of the SQLite rows have to do with. */
export async function sqliteAudit(setting: Setting, what: 'seal' | 'verify'): Promise<Contest> {
  const streams = Math.ceil(300 * setting.scale);
  const { storage, bare, columns, ...contest } = await readContest(setting, { streams, length: LENGTH });
  bare.exec('DROP TRIGGER events_never_go');
  const select = bare.prepare(
    `SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ${PAGE}`,
  );
  const scan = () => {
    let events = 0;
    for (let position = 0; ;) {
      const rows = select.all([position]);
      if (rows.length === 0) return events;
      events += rows.length;
      position = rows.at(-1)![0] as number;
    }
  };
  const forget = () => void bare.exec("DELETE FROM events WHERE stream = '_audit'");
  const { folder } = setting;
  const head = streams * LENGTH;
  return { ...contest, ...(await auditContest({ storage, folder, head, forget, scan }, what)) };
}
