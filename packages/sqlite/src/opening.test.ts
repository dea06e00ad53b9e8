import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { text } from 'node:stream/consumers';
import { follow } from '@backstory/core';
import { anEvent, eventsOf, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { spawnWorker } from '../../../test/support/spawn-worker.js';
import { availableDrivers, driverFor } from './choose-driver.js';
import type { Driver } from './driver.js';
import { installationSql } from './schema.js';
import { openStorage, sqlite, type SqliteOptions } from './sqlite.js';

const files = sqliteFiles();

it('the drivers of this Node are tested: node:sqlite where it is complete, libsql everywhere', () => {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const complete = major >= 24 || (major === 22 && minor >= 16);
  expect(availableDrivers()).toEqual(complete ? ['node:sqlite', 'libsql'] : ['libsql']);
});

it('warnings go their way after the drivers were looked for', () => {
  const { emitWarning } = process;
  availableDrivers();
  expect(process.emitWarning).toBe(emitWarning);
});

it('a log in memory is refused, naming what is meant for it', () => {
  expect(() => sqlite(':memory:')).toThrow('memory()');
  expect(() => sqlite('')).toThrow('memory()');
  expect(() => sqlite('file:bank.db')).toThrow('without a prefix');
  expect(() => sqlite('sqlite:bank.db')).toThrow('without a prefix');
  expect(() => sqlite(undefined as never)).toThrow('needs the path of a file, not undefined');
});

it.each([
  ['pollMs', [0, -1, NaN, Infinity, 2 ** 31]],
  ['transactionTimeoutMs', [0, -1, NaN, Infinity, 2 ** 31]],
  ['lockTimeoutMs', [-1, NaN, '5']],
  ['maxBatchEvents', [0, NaN]],
  ['maxBatchBytes', [0, NaN]],
  ['maxQueuedBytes', [0, NaN]],
  ['maxEventBytes', [0, NaN]],
  ['synchronous', ['ful', 'off', 2]],
  ['driver', ['sqlite3']],
])('%s cannot be any of %j', (option, values) => {
  for (const value of values) {
    const options = { [option]: value } as SqliteOptions;
    expect(() => sqlite('a.db', options)).toThrow(expect.objectContaining({ option }));
  }
});

describe.each(availableDrivers())('with %s', (driver) => {
  const open = (file: string, options: { readOnly?: boolean } = {}) =>
    files.opened(sqlite(file, { driver, lockTimeoutMs: 200 }).open(options));
  const sql = async (file: string, ...statements: string[]) => {
    const connection = (await driverFor(driver, 'test')).open(pathToFileURL(file).href);
    for (const statement of statements) connection.exec(statement);
    connection.close();
  };

  it('a file is made when it is first opened, and is the same log when it is opened again', async () => {
    const file = path.join(files.newFolder(), 'a %41?#; file.db');
    const first = await open(file);
    await record(first.events, 'a-1', anEvent());
    const { logId } = await first.events.identity();
    await first.close();
    const again = await open(file);
    expect(await again.events.identity()).toMatchObject({ logId, epoch: 1, epochStart: 0, head: 1 });
    expect(readdirSync(files.newFolder()).filter((name) => !name.startsWith('a %41?#; file.db'))).toEqual([]);
  });

  it.each([
    ['there.db/', 'is the path of a directory: name a file.'],
    ['new.db/', 'is the path of a directory: name a file.'],
    ['there.db/log.db', 'leads through a file: name a path through directories.'],
    ['there.db/deep/log.db', 'leads through a file: name a path through directories.'],
    [`${'x'.repeat(300)}.db`, 'cannot be looked for (ENAMETOOLONG'],
  ])('the path %s is refused, with what to do instead', async (name, told) => {
    writeFileSync(path.join(files.newFolder(), 'there.db'), '');
    for (const readOnly of [false, true]) {
      const error = await open(`${files.newFolder()}/${name}`, { readOnly }).catch((it: unknown) => it);
      expect(error).toMatchObject({
        code: 'BACKSTORY_STORE_UNUSABLE',
        message: expect.stringContaining(told),
      });
    }
    expect(readdirSync(files.newFolder())).toEqual(['there.db']);
  });

  it('a SQLite file of something else is refused and stays as it is', async () => {
    const file = files.newFile();
    await sql(file, 'CREATE TABLE theirs (x)', "INSERT INTO theirs VALUES ('precious')");
    const before = readFileSync(file);
    const error = await open(file).catch((it: unknown) => it);
    expect(error).toMatchObject({ code: 'BACKSTORY_STORE_UNUSABLE', problem: 'not-a-store' });
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(files.newFolder())).toEqual([path.basename(file)]);
  });

  it('a file that is no database is refused and stays as it is', async () => {
    const file = files.newFile();
    writeFileSync(file, 'Dear diary, '.repeat(1_000));
    await expect(open(file)).rejects.toMatchObject({ problem: 'not-a-store' });
    await expect(open(file, { readOnly: true })).rejects.toMatchObject({ problem: 'not-a-store' });
    expect(readFileSync(file, 'utf8')).toBe('Dear diary, '.repeat(1_000));
  });

  it('a directory, and a file in a directory that does not exist, are refused by name', async () => {
    const folder = files.newFolder();
    await expect(open(folder)).rejects.toMatchObject({ problem: 'not-a-store' });
    await expect(open(path.join(folder, 'nowhere', 'a.db'))).rejects.toMatchObject({ problem: 'missing' });
    await expect(open(path.join(folder, 'nowhere', 'a.db'))).rejects.toThrow(path.join(folder, 'nowhere'));
  });

  it('a file of a newer release is refused', async () => {
    const file = files.newFile();
    await (await open(file)).close();
    await sql(file, 'PRAGMA user_version = 2');
    await expect(open(file)).rejects.toMatchObject({ problem: 'newer-schema' });
    await expect(open(file, { readOnly: true })).rejects.toMatchObject({ problem: 'newer-schema' });
  });

  it('a damaged file is named as such', async () => {
    const source = files.newFile();
    const first = await open(source);
    for (let i = 0; i < 50; i++) await record(first.events, `a-${i}`, anEvent(), anEvent());
    await first.close();
    const file = files.newFile();
    const bytes = readFileSync(source);
    bytes.fill(0x55, 4_096 * 2);
    writeFileSync(file, bytes);
    const damaged = await open(file);
    await expect(eventsOf(damaged.events)).rejects.toMatchObject({ problem: 'corrupt' });
    await expect(record(damaged.events, 'a-1', anEvent())).rejects.toMatchObject({ problem: 'corrupt' });
  });

  it('opening read-only creates nothing', async () => {
    const file = files.newFile();
    await expect(open(file, { readOnly: true })).rejects.toMatchObject({ problem: 'missing' });
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, '');
    await expect(open(file, { readOnly: true })).rejects.toMatchObject({ problem: 'not-a-store' });
    expect(readFileSync(file).length).toBe(0);
  });

  it('reading a log that nobody has open leaves nothing beside it, nor does looking at a stranger’s file', async () => {
    const file = files.newFile();
    const writer = await open(file);
    await record(writer.events, 'a-1', anEvent());
    await writer.state.transaction([], (state) => state.put('c', 'k', 'v'));
    await writer.close();
    for (const rest of ['-wal', '-shm']) rmSync(file + rest, { force: true });
    const reader = await open(file, { readOnly: true });
    expect(await eventsOf(reader.events)).toHaveLength(1);
    expect(await reader.state.read((state) => state.get('c', 'k'))).toBe('v');
    expect(readdirSync(files.newFolder())).toEqual([path.basename(file)]);
    await reader.close();
    expect(readdirSync(files.newFolder())).toEqual([path.basename(file)]);
    const theirs = files.newFile();
    await sql(theirs, 'PRAGMA journal_mode = WAL', 'CREATE TABLE theirs (x)');
    for (const rest of ['-wal', '-shm']) rmSync(theirs + rest, { force: true });
    await expect(open(theirs)).rejects.toMatchObject({ problem: 'not-a-store' });
    expect(readdirSync(files.newFolder()).sort()).toEqual([file, theirs].map((it) => path.basename(it)));
  });

  it('a log that nobody had open is read on when somebody writes to it, also if they have gone again', async () => {
    const file = files.newFile();
    // Another process has to write it: libsql lets go of a file late, and of what was deleted beside it.
    await says(file, driver, 'append');
    const noneLeft = () => ['-wal', '-shm'].forEach((rest) => rmSync(file + rest, { force: true }));
    noneLeft();
    const reader = await open(file, { readOnly: true });
    expect(await reader.state.read((state) => state.get('c', 'k'))).toBeUndefined();
    expect(await eventsOf(reader.events)).toHaveLength(1);
    expect(await says(file, driver, 'append')).toBe('appended');
    noneLeft();
    expect(await eventsOf(reader.events)).toHaveLength(2);
    const pages = follow(reader.events, { after: 2, pollMs: 5 });
    const next = pages.next();
    expect(await says(file, driver, 'append')).toBe('appended');
    expect((await next).value).toMatchObject({ events: [{ type: 'appended' }] });
    await pages.return!();
    expect(await reader.state.read((state) => state.count('c'))).toBe(0);
  });

  it('a snapshot of a log that nobody had open ends when somebody writes to it', async () => {
    const file = files.newFile();
    await says(file, driver, 'append');
    for (const rest of ['-wal', '-shm']) rmSync(file + rest, { force: true });
    const reader = await open(file, { readOnly: true });
    const read = reader.state.read(async (state) => {
      await state.count('c');
      await says(file, driver, 'append');
      return state.count('c');
    });
    await expect(read).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNAVAILABLE' });
    expect(await reader.state.read((state) => state.count('c'))).toBe(0);
  });

  it.each(['deleted', 'replaced'])(
    'a file that is %s under an open store takes no more events',
    async (what) => {
      const [file, copy] = [files.newFile(), files.newFile()];
      const storage = await open(file);
      await record(storage.events, 'a-1', anEvent());
      const pages = follow(storage.events, { pollMs: 5 });
      await pages.next();
      if (what === 'deleted') rmSync(file);
      else {
        copyFileSync(file, copy);
        renameSync(copy, file);
      }
      const gone = { code: 'BACKSTORY_STORE_UNUSABLE', problem: 'missing' };
      await expect(record(storage.events, 'a-1', anEvent())).rejects.toMatchObject(gone);
      await expect(storage.state.transaction([], (state) => state.clear('c'))).rejects.toMatchObject(gone);
      await expect(pages.next()).rejects.toMatchObject(gone);
      await storage.close();
    },
  );

  it('read-only, the log can be read and followed by others, and not written to', async () => {
    const file = files.newFile();
    const writer = await open(file);
    await record(writer.events, 'a-1', anEvent());
    await writer.state.transaction([], (state) => state.put('c', 'k', 'v'));
    const reader = await open(file, { readOnly: true });
    await record(writer.events, 'a-1', anEvent());
    expect(await eventsOf(reader.events)).toHaveLength(2);
    expect(await reader.state.read((state) => state.get('c', 'k'))).toBe('v');
    const readOnly = { code: 'BACKSTORY_STORE_UNUSABLE', problem: 'read-only' };
    await expect(record(reader.events, 'a-1', anEvent())).rejects.toMatchObject(readOnly);
    await expect(reader.events.adopt()).rejects.toMatchObject(readOnly);
    await expect(reader.events.restore([])).rejects.toMatchObject(readOnly);
    await expect(reader.state.acquire('l', { owner: 'me', ttlMs: 1 })).rejects.toMatchObject(readOnly);
    await expect(reader.state.transaction([], async () => 1)).rejects.toMatchObject(readOnly);
    expect(await eventsOf(writer.events)).toHaveLength(2);
  });

  it('a user who may write neither file nor directory reads the log, with or without a write-ahead log', async () => {
    const folder = files.newFolder();
    const closed = path.join(folder, 'closed.db');
    const first = await open(closed);
    await record(first.events, 'a-1', anEvent());
    await first.close();
    for (const rest of ['-wal', '-shm']) rmSync(closed + rest, { force: true });
    const inUse = path.join(folder, 'in-use.db');
    await record((await open(inUse)).events, 'a-1', anEvent(), anEvent());
    chmodSync(closed, 0o444);
    chmodSync(folder, 0o555);
    expect(await says(closed, driver, 'read-as-another-user')).toBe('1 events');
    expect(await says(inUse, driver, 'read-as-another-user')).toBe('2 events');
    chmodSync(folder, 0o755);
  });

  it('through a link the log is read with what is written ahead of it', async () => {
    const file = files.newFile();
    const link = files.newFile();
    const writer = await open(file);
    symlinkSync(file, link);
    await record(writer.events, 'a-1', anEvent());
    const reader = await open(link, { readOnly: true });
    expect(await eventsOf(reader.events)).toHaveLength(1);
    await record((await open(link)).events, 'a-1', anEvent());
    expect(await eventsOf(reader.events)).toHaveLength(2);
  });

  it('a file is not read beside a journal that whoever writes to it would roll back', async () => {
    const file = files.newFile();
    await (await open(file)).close();
    writeFileSync(`${file}-journal`, Buffer.alloc(4_096, 0xd9));
    const opening = open(file, { readOnly: true });
    await expect(opening).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNUSABLE', problem: 'read-only' });
    await expect(opening).rejects.toThrow('a rollback journal is beside it');
  });

  it('a store that somebody made again in another encoding is refused', async () => {
    const file = files.newFile();
    await sql(file, `PRAGMA encoding = 'UTF-16le'`, installationSql());
    for (const readOnly of [false, true])
      await expect(open(file, { readOnly })).rejects.toThrow('its texts are in UTF-16le');
  });

  it('one process cannot open a file with two copies of SQLite, which would undo each other’s locks', async () => {
    const file = files.newFile();
    const storage = await open(file);
    const own = await driverFor(driver, 'test');
    const other: Driver = { ...own, name: driver === 'libsql' ? 'node:sqlite' : 'libsql' };
    const refused = { code: 'BACKSTORY_STORE_UNUSABLE', problem: 'unsupported' };
    await expect(openStorage(other, file, {})).rejects.toMatchObject(refused);
    await storage.close();
    const afterwards = files.opened(openStorage(other, file, {}));
    if (own.lingers) await expect(afterwards).rejects.toMatchObject(refused);
    else await afterwards;
  });

  it('every connection is closed with the store, also those of views under way', async () => {
    const own = await driverFor(driver, 'test');
    let connections = 0;
    const counting: Driver = {
      ...own,
      open: (uri) => {
        const connection = own.open(uri);
        connections++;
        return { ...connection, close: () => (connections--, connection.close()) };
      },
    };
    const storage = await openStorage(counting, files.newFile(), {});
    const views = Array.from({ length: 12 }, () =>
      storage.state.read(() => new Promise((end) => setTimeout(end, 5))),
    );
    await Promise.all(views.slice(0, 11));
    expect(connections).toBeLessThanOrEqual(2 + 12);
    await Promise.all(views);
    expect(connections).toBeLessThanOrEqual(2 + 4);
    await storage.state.read(async () => {
      await storage.close();
      expect(connections).toBe(1);
    });
    expect(connections).toBe(0);
  });

  it('a file that could not be opened is not held against another driver', async () => {
    const own = { ...(await driverFor(driver, 'test')), lingers: false };
    const other: Driver = { ...own, name: driver === 'libsql' ? 'node:sqlite' : 'libsql' };
    const file = files.newFile();
    writeFileSync(file, 'Dear diary, '.repeat(1_000));
    for (const it of [own, other])
      await expect(openStorage(it, file, {})).rejects.toMatchObject({ problem: 'not-a-store' });
  });

  it('a place that cannot hold a write-ahead log is refused by name', async () => {
    const own = await driverFor(driver, 'test');
    const elsewhere: Driver = {
      ...own,
      open: (uri) => {
        const connection = own.open(uri);
        const prepare = (sql: string) =>
          connection.prepare(sql.replace('journal_mode = WAL', 'journal_mode = DELETE'));
        return { ...connection, prepare };
      },
    };
    const opening = openStorage(elsewhere, files.newFile(), {});
    await expect(opening).rejects.toMatchObject({ problem: 'unsupported' });
    await expect(opening).rejects.toThrow('use a local disk');
  });

  it('the write-ahead log of a stranger’s file stays where it is', async () => {
    const [source, file] = [files.newFile(), files.newFile()];
    const theirs = (await driverFor(driver, 'test')).open(pathToFileURL(source).href);
    theirs.exec('PRAGMA journal_mode = WAL');
    theirs.exec('CREATE TABLE theirs (x)');
    for (const part of ['', '-wal']) copyFileSync(source + part, file + part);
    theirs.close();
    const before = [readFileSync(file), readFileSync(`${file}-wal`)];
    await expect(open(file)).rejects.toMatchObject({ problem: 'not-a-store' });
    expect([readFileSync(file), readFileSync(`${file}-wal`)]).toEqual(before);
  });

  it('of two openings of a new file in one moment one makes the log', async () => {
    const file = files.newFile();
    const both = await Promise.all([open(file), open(file)]);
    const [one, two] = await Promise.all(both.map(({ events }) => events.identity()));
    expect(one).toEqual(two);
  });

  it('processes that make the same file in one moment end with the same log', async () => {
    const file = files.newFile();
    const said = await Promise.all([1, 2, 3, 4].map(() => says(file, driver, 'identify')));
    expect(said[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(said).size).toBe(1);
  });

  it('nothing is printed by using it, and what was acknowledged is there after an exit without a close', async () => {
    const file = files.newFile();
    const built = require.resolve('../dist/index.js');
    const append = (id: string) => ({
      stream: 'a-1',
      expected: 'any',
      events: [anEvent('happened', { id })],
    });
    const script = `
      require(${JSON.stringify(built)}).sqlite(${JSON.stringify(file)}, { driver: '${driver}' }).open()
        .then(({ events }) => Promise.all(${JSON.stringify(['1', '2', '3'].map(append))}.map((it) => events.append([it]))))
        .then((results) => process.exit(results.length));`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 3, stdout: '', stderr: '' });
    expect(await eventsOf((await open(file)).events)).toHaveLength(3);
  });

  it('a process that only listens for appends may end', () => {
    const built = JSON.stringify(require.resolve('../dist/index.js'));
    const script = `
      require(${built}).sqlite(${JSON.stringify(files.newFile())}, { driver: '${driver}' }).open()
        .then(({ events }) => events.onAppend(() => undefined))
        .then(() => { process.exitCode = 7; });`;
    const { status } = spawnSync(process.execPath, ['-e', script], { timeout: 10_000 });
    expect(status).toBe(7);
  });
});

/** What a process of its own says about a file. */
async function says(file: string, ...args: readonly string[]): Promise<string> {
  const worker = spawnWorker(path.join(__dirname, 'opening.worker.ts'), [file, ...args]);
  return text(worker.stdout!);
}
