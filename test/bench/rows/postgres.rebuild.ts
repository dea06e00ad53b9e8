import { Recorder } from '@backstory/core';
import { EventHandler } from '@backstory/events';
import { Projection, Projections } from '@backstory/projection';
import { Deposited, Limited, Opened, Withdrawn, balanceAfter } from '../payload.js';
import { bareScan, rowsOf } from '../postgres/bare-database.js';
import { readContest } from '../postgres/read-contest.js';
import type { Row } from '../row.js';

const LENGTH = 20;
const PAGE = 500;
const FLAT = 'peak heap, second half ÷ first half';

@Projection('balances', { version: 1 })
class Balances {
  owner = '';
  balance = 0;
  limit = 0;
  movements = 0;
  @EventHandler(Opened) opened(event: Opened) {
    this.owner = event.owner;
  }
  @EventHandler(Deposited) deposited(event: Deposited) {
    this.balance += event.amount;
    this.movements++;
  }
  @EventHandler(Withdrawn) withdrawn(event: Withdrawn) {
    this.balance -= event.amount;
    this.movements++;
  }
  @EventHandler(Limited) limited(event: Limited) {
    this.limit = event.limit;
  }
}

export const row: Row = {
  name: 'postgres.rebuild',
  unit: 'events/s',
  target: 0.3,
  // Flat: where it grew with the log, the second half would have twice as much.
  promised: { 'events/s': { atLeast: 25_000 }, [FLAT]: { atMost: 1.25 } },
  ours: 'a new generation of a projection, one document a stream of 20 events: from its beginning until every event of the log is folded, committed with its checkpoint',
  bare: 'a prepared SELECT of the same columns after the last position, 500 rows at a time, until there are none; rows as arrays of texts, nothing parsed, nothing written',
  async prepare(setting) {
    const streams = Math.ceil(50_000 * setting.scale);
    const { storage, bare, columns, ...contest } = await readContest(setting, { streams, length: LENGTH });
    const head = streams * LENGTH;
    const text = `select ${columns} from events where position > $1 and position <= ${head} order by position limit ${PAGE}`;
    const recorder = new Recorder(storage.events, { source: 'bench' });
    const known = () => {
      const projections = new Projections({ ...storage, recorder });
      projections.declare(Balances);
      return projections;
    };
    const begun = known();
    await begun.start();
    await begun.close();
    const projections = known();
    let built = 0;
    /** Of the heap, in either half of the log. */
    let peaks: [first: number, second: number] = [heapUsed(), heapUsed()];
    let read = 0;
    return {
      ...contest,
      amount: head,
      expected: `${head} events`,
      ours: {
        expected: `${streams} documents with a balance of ${balanceAfter(LENGTH)}`,
        async before() {
          if (built > 0) await projections.drop('balances', { generation: built });
          built = 0;
        },
        async run() {
          peaks = [heapUsed(), heapUsed()];
          const onProgress = ({ progress }: { readonly progress: number }) => {
            const half = progress < 0.5 ? 0 : 1;
            peaks[half] = Math.max(peaks[half], heapUsed());
          };
          built = (await projections.fill('balances', { onProgress })).generation;
        },
        async proof() {
          if (built === 0) return 'nothing';
          const collection = `backstory.projections/balances/${built}/documents`;
          const [[count = '', low = '', high = ''] = []] = await rowsOf<string[]>(bare, {
            text: `select count(*), min(value::json->>'balance'), max(value::json->>'balance') from state where collection = $1`,
            values: [collection],
          });
          return `${count} documents with a balance of ${[...new Set([low, high])].join(' to ')}`;
        },
        also() {
          const [first, second] = peaks;
          const [before, after] = peaks.map((it) => Math.round(it / 2 ** 20));
          return {
            'peak heap MB, first half': before!,
            'peak heap MB, second half': after!,
            [FLAT]: second / first,
          };
        },
      },
      bare: {
        proof() {
          const events = read;
          read = 0;
          return `${events} events`;
        },
        async run() {
          for await (const rows of bareScan(bare, text)) read += rows.length;
        },
      },
      async close() {
        await projections.close();
        await contest.close();
      },
    };
  },
};

const heapUsed = () => process.memoryUsage().heapUsed;
