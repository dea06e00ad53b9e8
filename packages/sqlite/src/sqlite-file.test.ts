import fs from 'node:fs';
import { sqliteFiles } from '../../../test/support/sqlite-files.js';
import { availableDrivers, driverFor } from './choose-driver.js';
import { openFile } from './open-file.js';
import type { Session } from './session.js';
import { SqliteFile } from './sqlite-file.js';

const files = sqliteFiles();
const HOLD = "INSERT INTO leases VALUES ('l', 'me', 1, 1, 1)";
const COUNT = 'SELECT count(*) FROM leases';

describe.each(availableDrivers())('with %s', (name) => {
  const open = async (path = files.newFile()): Promise<SqliteFile> => {
    const driver = await driverFor(name, 'test');
    const options = { store: 'test', lockTimeoutMs: 100, transactionTimeoutMs: 100 };
    const access = await openFile(driver, { ...options, path, readOnly: false });
    const file = (await SqliteFile.connect(access, { ...options, synchronous: 'full' })).retain();
    await files.opened(Promise.resolve({ close: () => file.release() }));
    return file;
  };

  it('what is being written is not read, until it is committed', async () => {
    const file = await open();
    await file.write(async (session) => {
      session.run(HOLD);
      expect(session.first(COUNT)).toEqual([1]);
      expect(await file.read((reader) => reader.first(COUNT))).toEqual([0]);
      await file.snapshot(async (view) => expect(view.first(COUNT)).toEqual([0]));
    });
    expect(await file.read((reader) => reader.first(COUNT))).toEqual([1]);
  });

  it('many views at a time take few connections, and a view inside a view does not wait for itself', async () => {
    const file = await open();
    let running = 0;
    let most = 0;
    const view = async (inner: () => Promise<unknown>) =>
      file.snapshot(async () => {
        most = Math.max(most, ++running);
        await new Promise((turn) => setTimeout(turn, 1));
        await inner();
        running--;
      });
    await Promise.all(Array.from({ length: 100 }, () => view(async () => undefined)));
    expect(most).toBeLessThanOrEqual(16);
    const nested = () => file.snapshot(async (session) => session.first(COUNT));
    await Promise.all(Array.from({ length: 40 }, () => view(nested)));
    const failing = Array.from({ length: 40 }, () => view(() => Promise.reject(new Error('no'))));
    expect((await Promise.allSettled(failing)).every(({ status }) => status === 'rejected')).toBe(true);
    await view(nested);
  });

  it('a connection that reads cannot write', async () => {
    const file = await open();
    const refused = { code: 'BACKSTORY_STORE_UNUSABLE', problem: 'read-only' };
    await expect(file.read((session) => session.run(HOLD))).rejects.toMatchObject(refused);
    await expect(file.snapshot(async (session) => session.run(HOLD))).rejects.toMatchObject(refused);
  });

  it('a commit of appends survives a power cut, unless that was opted out of', async () => {
    const file = await open();
    const [full] = (await file.write((session) => session.first<[number]>('PRAGMA synchronous')))!;
    expect(full).toBe(2);
  });

  it('no connection waits for a lock for longer than a moment, during which the process would stand still', async () => {
    const file = await open();
    const patience = (session: Session) => session.first('PRAGMA busy_timeout');
    expect(await file.write(async (session) => patience(session))).toEqual([2]);
    expect(await file.read(patience)).toEqual([2]);
    expect(await file.snapshot(async (session) => patience(session))).toEqual([2]);
  });

  it('the write-ahead log is moved into the file every 8 MB, neither more often nor never', async () => {
    const path = files.newFile();
    const file = await open(path);
    for (let half = 0; half < 32; half++) {
      const name = `${half + 10}`.repeat(250_000);
      await file.write(async (session) => session.run(HOLD.replace("'l'", '?'), [name]));
    }
    const megabytes = fs.statSync(`${path}-wal`).size / 1_000_000;
    expect(megabytes).toBeGreaterThan(8);
    expect(megabytes).toBeLessThan(10);
  });
});
