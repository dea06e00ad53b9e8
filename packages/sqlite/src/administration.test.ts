import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { anEvent, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { availableDrivers, driverFor } from './choose-driver.js';
import { sqlite } from './sqlite.js';

const files = sqliteFiles();

describe.each(availableDrivers())('with %s', (driver) => {
  const administer = async (file: string) =>
    files.opened(sqlite(file, { driver, lockTimeoutMs: 50 }).administer!());

  test('a store that is missing is said to be, is made once, and is removed again', async () => {
    const file = files.newFile();
    const admin = await administer(file);
    expect(await admin.status()).toMatchObject({ version: 0, wanted: 1, log: undefined });
    expect((await admin.plan()).map(({ version }) => version)).toEqual([1]);
    for (const work of [() => admin.migrate(), () => admin.drop()])
      await expect(work()).rejects.toMatchObject({ problem: 'missing' });
    expect(existsSync(file)).toBe(false);
    expect([await admin.init(), await admin.init()]).toEqual([true, false]);
    const storage = await sqlite(file, { driver }).open();
    await record(storage.events, 'a-1', anEvent());
    await storage.close();
    const { version, log, facts } = await admin.status();
    expect({ version, log }).toMatchObject({ version: 1, log: { head: 1, epoch: 1 } });
    expect(facts).toMatchObject({ file: path.resolve(file), driver });
    expect(await admin.plan()).toEqual([]);
    expect(await admin.migrate()).toEqual([]);
    await admin.drop();
    expect(['', '-wal', '-shm'].filter((suffix) => existsSync(file + suffix))).toEqual([]);
  });

  test('who has the file open when it is removed finds that it is gone', async () => {
    const file = files.newFile();
    const admin = await administer(file);
    const storage = await files.opened(sqlite(file, { driver }).open());
    await record(storage.events, 'a-1', anEvent());
    await admin.drop();
    await expect(record(storage.events, 'a-1', anEvent())).rejects.toMatchObject({
      code: 'BACKSTORY_STORE_UNUSABLE',
    });
    expect(existsSync(file)).toBe(false);
  });

  test('a store is not removed while somebody writes to it', async () => {
    const file = files.newFile();
    const admin = await administer(file);
    const storage = await files.opened(sqlite(file, { driver }).open());
    let dropping: Promise<void> | undefined;
    await storage.state.transaction([], async (state) => {
      dropping = admin.drop();
      await expect(dropping).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNAVAILABLE' });
      await state.put('c', 'k', 'v');
    });
    expect(existsSync(file)).toBe(true);
  });

  test('a file of something else is not removed', async () => {
    const file = files.newFile();
    writeFileSync(file, 'x'.repeat(4_096));
    await expect((await administer(file)).drop()).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNUSABLE' });
    expect(existsSync(file)).toBe(true);
  });

  test('what init runs makes a store by other means', async () => {
    const file = files.newFile();
    const admin = await administer(file);
    const connection = (await driverFor(driver, 'test')).open(`${pathToFileURL(file).href}?mode=rwc`);
    connection.exec(admin.sql());
    connection.close();
    const storage = await files.opened(sqlite(file, { driver }).open());
    await record(storage.events, 'a-1', anEvent());
    expect((await admin.status()).log).toMatchObject({ head: 1 });
  });
});
