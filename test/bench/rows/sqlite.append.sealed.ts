import { once } from 'node:events';
import path from 'node:path';
import { spawnWorker } from '../../support/spawn-worker.js';
import { stamped } from '../payload.js';
import type { Row, Side } from '../row.js';
import { readContest } from '../sqlite/read-contest.js';

const LENGTH = 1_000;

export const row: Row = {
  name: 'sqlite.append.sealed',
  unit: 'events/s',
  target: 0.9,
  ours: 'appends of 10 events, one after the other, while another process seals the log of 200,000 events from its beginning',
  bare: 'the same appends to the same store, while nobody seals',
  async prepare(setting) {
    const { driver, folder, scale } = setting;
    const streams = Math.ceil(200 * scale);
    const {
      storage,
      bare,
      columns: _columns,
      bytes: _bytes,
      ...contest
    } = await readContest(setting, { streams, length: LENGTH });
    const appends = Math.ceil(300 * scale);
    const worker = path.join(__dirname, '../audit/sealer.worker.ts');
    let version = 0;
    let seen = streams * LENGTH;
    const run = async () => {
      for (let i = 0; i < appends; i++) {
        await storage.events.append([{ stream: 'beside', expected: version, events: stamped(version, 10) }]);
        version += 10;
      }
    };
    let stop = async () => undefined as void;
    const proof = async () => {
      await stop();
      const [[count]] = bare
        .prepare("SELECT count(*) FROM events WHERE position > ? AND stream = 'beside'")
        .all([seen]) as [[number]];
      seen = (await storage.events.identity()).head;
      return `${count} events`;
    };
    const ours: Side = {
      async before() {
        const sealer = spawnWorker(worker, [path.join(folder, 'log.db'), driver]);
        const ended = once(sealer, 'exit');
        stop = async () => {
          sealer.kill('SIGKILL');
          await ended;
          stop = async () => undefined;
        };
        await once(sealer, 'message');
      },
      run,
      proof,
    };
    return {
      ...contest,
      amount: appends * 10,
      expected: `${appends * 10} events`,
      ours,
      bare: { run, proof },
    };
  },
};
