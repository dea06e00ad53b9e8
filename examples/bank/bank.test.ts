import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { defineBackstory, sqlite } from 'backstory';
import bank, { Account } from './backstory.config';

describe('the bank', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'bank-'));
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  const inFolder = () =>
    defineBackstory({ name: bank.name, store: sqlite(path.join(folder, 'bank.db')), aggregates: [Account] });

  test('remembers a deposit in its file', async () => {
    await inFolder().run((app) =>
      app.repository(Account).update('42', (account) => account.deposit(100), { create: true }),
    );
    await inFolder().run(async (app) =>
      expect(await app.repository(Account).load('42')).toMatchObject({ balance: 100, version: 1 }),
    );
  });

  test('refuses to give more than there is, and records nothing of it', async () => {
    await inFolder().run(async (app) => {
      const accounts = app.repository(Account);
      await accounts.update('42', (account) => account.deposit(100), { create: true });
      await expect(accounts.update('42', (account) => account.withdraw(101))).rejects.toThrow(
        'Only 100 left.',
      );
      await accounts.update('42', (account) => account.withdraw(30));
      expect(await accounts.load('42')).toMatchObject({ balance: 70, version: 2 });
      expect(await accounts.load('42', { atVersion: 1 })).toMatchObject({ balance: 100, version: 1 });
    });
  });

  test('is at most 20 lines, program included, as the README promises', async () => {
    const files = ['backstory.config.ts', 'main.ts'].map((file) =>
      fs.readFile(path.join(__dirname, file), 'utf8'),
    );
    const lines = (await Promise.all(files))
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.trim() !== '');
    expect(lines.length).toBeLessThanOrEqual(20);
  });
});
