import type { Class } from '@backstory/events';
import { Recorder, type RecordedEvent } from '@backstory/core';
import { Subscriptions, reaction, subscriber } from '@backstory/router';
import { Deposited, Limited, Opened, Withdrawn } from '../payload.js';
import { bareScan } from '../postgres/bare-database.js';
import { readContest } from '../postgres/read-contest.js';
import type { Row } from '../row.js';

const LENGTH = 1_000;
const PAGE = 500;

export const row: Row = {
  name: 'postgres.subscribe',
  unit: 'events/s',
  target: 0.5,
  ours: 'a new subscription, ordered by stream, concurrency 16: from its start until its asynchronous handler, which does nothing, has had every event of the log',
  bare: 'a prepared SELECT of the same columns after the last position, 500 rows at a time, until there are none; rows as arrays of texts, nothing parsed',
  async prepare(setting) {
    const streams = Math.ceil(60 * setting.scale);
    const { storage, bare, columns, ...contest } = await readContest(setting, { streams, length: LENGTH });
    const head = streams * LENGTH;
    const text = `select ${columns} from events where position > $1 and position <= ${head} order by position limit ${PAGE}`;
    let read = 0;
    let round = 0;
    const proof = (): string => {
      const events = read;
      read = 0;
      return `${events} events`;
    };
    const recorder = new Recorder(storage.events, { source: 'bench' });
    let subscriptions = new Subscriptions({ ...storage, recorder });
    return {
      ...contest,
      amount: head,
      expected: `${head} events`,
      ours: {
        async proof() {
          await subscriptions.close();
          return proof();
        },
        before() {
          subscriptions = new Subscriptions({ ...storage, recorder });
        },
        async run() {
          await new Promise<void>((resolve, reject) => {
            const seen = new Uint8Array(head + 1);
            // What comes again, after a busy machine has lost a lease, counts once.
            const handle = async (_: object, { position }: RecordedEvent) => {
              if (seen[position] !== 0) return;
              seen[position] = 1;
              if (++read === head) resolve();
            };
            const on = [Opened, Deposited, Withdrawn, Limited].map((event: Class) => reaction(event, handle));
            const nothing = subscriber({ name: `nothing-${round++}`, on });
            subscriptions.add(nothing).catch(reject);
          });
        },
      },
      bare: {
        proof,
        async run() {
          for await (const rows of bareScan(bare, text)) read += rows.length;
        },
      },
      async close() {
        await subscriptions.close();
        await contest.close();
      },
    };
  },
};
