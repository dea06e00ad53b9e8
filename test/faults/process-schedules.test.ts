import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { sqlite, type Storage } from 'backstory';
import { postgres } from '@backstory/postgres';
import { eventually } from '../support/eventually.js';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { seededRandom } from '../support/seeded-random.js';
import { spawnWorker } from '../support/spawn-worker.js';
import { GiveUp, Letter, Order, scheduleShop } from './process-schedules.js';

const SCHEDULES = 60;
const KILLS = 10;
const seed = Number(process.env['BACKSTORY_TEST_SEED'] ?? Date.now() % 1_000_000);

let folder: string;
let server: PostgresServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'backstory-schedules-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
afterAll(() => server?.stop());

it.each(['sqlite', 'postgres'])(
  `on %s 2 processes carry out what is scheduled and what follows, one is killed between effect and note again and again: each takes effect once (seed ${seed})`,
  async (kind) => {
    const random = seededRandom(seed);
    const where =
      kind === 'sqlite'
        ? path.join(folder, 'shop.db')
        : await (server ??= await startPostgres()).createDatabase();
    const store: Storage = kind === 'sqlite' ? sqlite(where) : postgres(where);
    const app = await scheduleShop(store, () => {}).start({ subscriptions: false, schedules: false });
    for (let i = 0; i < SCHEDULES; i++) await app.schedule(new GiveUp(`${i}`), { after: i * 10 });

    let kills = 0;
    const running = new Set<ChildProcess>();
    const start = (): void => {
      const worker = spawnWorker(path.join(__dirname, 'process-schedules.worker.ts'), [where]);
      running.add(worker);
      worker.stderr!.pipe(process.stderr);
      let left = 1 + Math.floor(random() * 6);
      createInterface({ input: worker.stdout! }).on('line', (line) => {
        if (!line.startsWith('done') || kills >= KILLS || --left > 0) return;
        kills++;
        worker.kill('SIGKILL');
      });
      void once(worker, 'exit').then(() => {
        if (running.delete(worker) && !isOver) start();
      });
    };
    let isOver = false;
    start();
    start();
    try {
      const ids = Array.from({ length: SCHEDULES }, (_, i) => `${i}`);
      const counts = async (found: (id: string) => Promise<{ readonly count: number } | undefined>) =>
        (await Promise.all(ids.map(found))).map((it) => it?.count ?? 0);
      const letters = () => counts((id) => app.repository(Letter).find(id));
      const orders = () => counts((id) => app.repository(Order).find(id));
      await eventually(async () => (await letters()).every((it) => it > 0), 240_000);
      await eventually(async () => (await app.schedules.list()).length === 0);
      const each = ids.map(() => 1);
      expect({ orders: await orders(), letters: await letters() }).toEqual({
        orders: each,
        letters: each,
      });
      expect(await app.subscriptions.parked('farewells')).toEqual([]);
      expect(kills).toBe(KILLS);
    } finally {
      isOver = true;
      for (const worker of running) worker.kill('SIGKILL');
      for (const worker of running)
        if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit');
      await app.close();
    }
  },
);
