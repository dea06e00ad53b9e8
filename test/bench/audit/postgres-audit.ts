import { bareScan } from '../postgres/bare-database.js';
import { readContest } from '../postgres/read-contest.js';
import type { Contest, Setting } from '../row.js';
import { auditContest } from './audit-contest.js';

const LENGTH = 1_000;
const PAGE = 1_000;

/** What both sides of the PostgreSQL rows have to do with. */
export async function postgresAudit(setting: Setting, what: 'seal' | 'verify'): Promise<Contest> {
  const streams = Math.ceil(100 * setting.scale);
  const { storage, bare, columns, ...contest } = await readContest(setting, { streams, length: LENGTH });
  await bare.query('alter table events disable trigger all');
  const text = `select ${columns} from events where position > $1 order by position limit ${PAGE}`;
  const scan = async () => {
    let events = 0;
    for await (const rows of bareScan(bare, text)) events += rows.length;
    return events;
  };
  const forget = async () => void (await bare.query("delete from events where stream = '_audit'"));
  const { folder } = setting;
  const head = streams * LENGTH;
  return { ...contest, ...(await auditContest({ storage, folder, head, forget, scan }, what)) };
}
