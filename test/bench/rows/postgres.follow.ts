import { follow } from '@backstory/core';
import { bareScan } from '../postgres/bare-database.js';
import { readContest } from '../postgres/read-contest.js';
import type { Row } from '../row.js';

const LENGTH = 1_000;
const PAGE = 500;

export const row: Row = {
  name: 'postgres.follow',
  unit: 'events/s',
  target: 0.6,
  ours: 'follows the whole log from its beginning to its head, in pages of 500 events',
  bare: 'a prepared SELECT of the same columns after the last position, 500 rows at a time, until there are none; rows as arrays of texts',
  async prepare(setting) {
    const streams = Math.ceil(60 * setting.scale);
    const { storage, bare, columns, ...contest } = await readContest(setting, { streams, length: LENGTH });
    const head = streams * LENGTH;
    const text = `select ${columns} from events where position > $1 order by position limit ${PAGE}`;
    let read = { events: 0, bytes: 0 };
    const proof = (): string => {
      const { events, bytes } = read;
      read = { events: 0, bytes: 0 };
      return `${events} events, ${bytes} bytes of data`;
    };
    return {
      ...contest,
      amount: head,
      expected: `${head} events, ${contest.bytes} bytes of data`,
      ours: {
        proof,
        async run() {
          for await (const { events, through } of follow(storage.events)) {
            for (const event of events) read.bytes += event.data.length;
            read.events += events.length;
            if (through === head) break;
          }
        },
      },
      bare: {
        proof,
        async run() {
          for await (const rows of bareScan(bare, text)) {
            for (const [, , , , , , , data] of rows) read.bytes += data!.length;
            read.events += rows.length;
          }
        },
      },
    };
  },
};
