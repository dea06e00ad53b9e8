import { Recorder } from '@backstory/core';
import { Repository } from '@backstory/repository';
import { Account, balanceAfter } from '../payload.js';
import type { Row } from '../row.js';
import { readContest } from '../sqlite/read-contest.js';

const LENGTH = 1_000;
const STREAMS = 20;

export const row: Row = {
  name: 'sqlite.load1000',
  unit: 'events/s',
  target: 0.6,
  ours: 'a repository loads aggregates of 1,000 events: reads the stream, decodes and folds it',
  bare: 'one SELECT of the same columns of the same streams by version, and JSON.parse of the data of each row',
  async prepare(setting) {
    const times = Math.ceil(100 * setting.scale);
    const { storage, bare, columns, ...contest } = await readContest(setting, {
      streams: STREAMS,
      length: LENGTH,
    });
    const recorder = new Recorder(storage.events, { source: 'bench' });
    const accounts = new Repository(Account, { store: storage.events, recorder });
    const select = bare.prepare(`SELECT ${columns} FROM events WHERE stream = ? ORDER BY version`);
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
        run() {
          for (let i = 0; i < times; i++) {
            for (const [, , , , , type, , data] of select.all([`account-${i % STREAMS}`])) {
              const { amount = 0 } = JSON.parse(data as string) as { amount?: number };
              read.balance += type === 'account.withdrawn' ? -amount : amount;
              read.events++;
            }
          }
        },
      },
    };
  },
};
