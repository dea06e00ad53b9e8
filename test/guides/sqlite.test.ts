import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { StoreUnusable, defineBackstory, sqlite } from 'backstory';
import { Account } from '../../examples/bank/backstory.config';

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'sqlite-guide-'));
});
afterEach(() => fs.rm(folder, { recursive: true }));

// The code of packages/sqlite/README.md.
test('one file holds the log, and others may look at it while it is in use', async () => {
  const file = path.join(folder, 'bank.db');

  const store = sqlite(file, { synchronous: 'normal', lockTimeoutMs: 10_000 });
  const bank = defineBackstory({ name: 'bank', store, aggregates: [Account] });

  const app = await bank.start();
  await app.repository(Account).update('42', (account) => account.deposit(100), { create: true });

  const { events, close } = await sqlite(file).open({ readOnly: true });
  const { head } = await events.identity();

  expect(head).toBe(1);
  await expect(events.adopt()).rejects.toThrow(StoreUnusable);
  await close();
  await app.close();
});
