import { Recorder } from '@backstory/core';
import { Repository } from '@backstory/repository';
import { Account, balanceAfter } from '../payload.js';
import { rowsOf } from '../postgres/bare-database.js';
import { readContest } from '../postgres/read-contest.js';
import type { Row } from '../row.js';

const LENGTH = 1_000;
const STREAMS = 20;

export const row: Row = {
  name: 'postgres.load1000',
  unit: 'events/s',
  target: 0.7,
  ours: 'a repository loads aggregates of 1,000 events: reads the stream, decodes and folds it',
  bare: 'one prepared SELECT of the same columns of the same streams by version, rows as arrays of texts, and JSON.parse of the data of each',
  async prepare(setting) {
    const times = Math.ceil(100 * setting.scale);
    const { storage, bare, columns, ...contest } = await readContest(setting, {
      streams: STREAMS,
      length: LENGTH,
    });
    const recorder = new Recorder(storage.events, { source: 'bench' });
    const accounts = new Repository(Account, { store: storage.events, recorder });
    const text = `select ${columns} from events where stream = $1 order by version`;
    let read = { events: 0, balance: 0 };
    const proof = (): string => {
      const { events, balance } = read;
      read = { events: 0, balance: 0 };
      return `${events} events, balance ${balance}`;
    };
    return {
      ...contest,
      amount: LENGTH * times,
      expected: `${LENGTH * times} events, balance ${times * balanceAfter(LENGTH)}`,
      ours: {
        proof,
        async run() {
          for (let i = 0; i < times; i++) {
            const { version, balance } = await accounts.load(String(i % STREAMS));
            read = { events: read.events + version, balance: read.balance + balance };
          }
        },
      },
      bare: {
        proof,
        async run() {
          for (let i = 0; i < times; i++) {
            const values = [`account-${i % STREAMS}`];
            for (const [, , , , , type, , data] of await rowsOf<string[]>(bare, {
              name: 'stream',
              text,
              values,
            })) {
              const { amount = 0 } = JSON.parse(data!) as { amount?: number };
              read.balance += type === 'account.withdrawn' ? -amount : amount;
              read.events++;
            }
          }
        },
      },
    };
  },
};
