import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  EventIdReused,
  VersionConflict,
  type OpenStorage,
  type StampedEvent,
  type StreamHead,
} from '@backstory/core';
import { anEvent, eventsOf, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { availableDrivers, driverFor } from './choose-driver.js';
import type { Connection, Driver } from './driver.js';
import { openStorage, type SqliteOptions } from './sqlite.js';

const files = sqliteFiles();

describe.each(availableDrivers())('with %s', (name) => {
  const open = async (file: string, options: SqliteOptions = {}, driver?: Driver): Promise<OpenStorage> =>
    files.opened(openStorage(driver ?? (await driverFor(name, 'test')), file, options));
  const connect = async (file: string): Promise<Connection> =>
    (await driverFor(name, 'test')).open(pathToFileURL(file).href);

  it.each([
    ["UPDATE events SET data = '[]' WHERE position = 1", 'never change'],
    [
      "INSERT INTO events SELECT * FROM events WHERE true ON CONFLICT (id) DO UPDATE SET data = '[]'",
      'never',
    ],
    ['DELETE FROM events', 'never deleted'],
    ['REPLACE INTO events SELECT * FROM events', 'never replaced'],
    [`REPLACE INTO events SELECT ${columns({ position: '9', id: "'new'" })} FROM events`, 'never replaced'],
    [`REPLACE INTO events SELECT ${columns({ position: '9', version: '9' })} FROM events`, 'never replaced'],
    [
      `INSERT INTO events SELECT ${columns({ position: '0', version: '9', id: "'new'" })} FROM events`,
      'never',
    ],
  ])('recorded events stand up to %s', async (statement, message) => {
    const file = files.newFile();
    const { events } = await open(file);
    await record(events, 'a-1', anEvent());
    const before = await eventsOf(events);
    const connection = await connect(file);
    expect(() => connection.exec(statement)).toThrow(message);
    connection.close();
    expect(await eventsOf(events)).toEqual(before);
  });

  it('a full disk is said, nothing of the append is kept, and the store goes on when there is room', async () => {
    const limited = limitedDriver(await driverFor(name, 'test'));
    const { events, state } = await open(files.newFile(), {}, limited.driver);
    await record(events, 'a-1', anEvent());
    const large = () => ({ ...anEvent(), data: JSON.stringify('x'.repeat(100_000)) });
    limited.limit(60);
    const full = { code: 'BACKSTORY_STORE_UNUSABLE', problem: 'full' };
    await expect(record(events, 'a-1', large(), large(), large())).rejects.toMatchObject(full);
    await expect(state.transaction([], (it) => it.put('c', 'k', 'x'.repeat(300_000)))).rejects.toMatchObject(
      full,
    );
    expect(await eventsOf(events)).toHaveLength(1);
    limited.limit(10_000);
    expect(await record(events, 'a-1', large(), large())).toMatchObject({ position: 3 });
    await state.transaction([], (it) => it.put('c', 'k', 'x'.repeat(300_000)));
  });

  it('a file that another process keeps locked is given up after a while, and used again when it is free', async () => {
    const file = files.newFile();
    const { events, state } = await open(file, { lockTimeoutMs: 100 });
    await record(events, 'a-1', anEvent());
    const other = await connect(file);
    other.exec('BEGIN EXCLUSIVE');
    const event = anEvent();
    const unavailable = {
      code: 'BACKSTORY_STORE_UNAVAILABLE',
      message: expect.stringContaining(path.basename(file)),
    };
    await expect(record(events, 'a-1', event)).rejects.toMatchObject(unavailable);
    await expect(state.acquire('l', { owner: 'me', ttlMs: 1 })).rejects.toMatchObject(unavailable);
    expect(await eventsOf(events)).toHaveLength(1); // reading goes on
    const waiting = record(events, 'a-1', event);
    other.exec('COMMIT');
    expect(await waiting).toMatchObject({ position: 2, repeated: false });
    other.close();
  });

  it('appends wait for a lock without stopping the process', async () => {
    const file = files.newFile();
    const { events } = await open(file);
    const other = await connect(file);
    other.exec('BEGIN IMMEDIATE');
    const waiting = record(events, 'a-1', anEvent());
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
    other.exec('COMMIT');
    other.close();
    expect(await waiting).toMatchObject({ position: 1 });
  });

  it('a conflict in a batch is its own: the appends before and after it are recorded', async () => {
    const { events } = await open(files.newFile());
    const append = (expected: number) => events.append([{ stream: 'a-1', expected, events: [anEvent()] }]);
    const results = await Promise.allSettled([append(0), append(0), append(1), append(7), append(2)]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(results[3]).toMatchObject({ reason: new VersionConflict('a-1', 7, 2) });
  });

  it('what comes again among what is new is answered as it was, also twice in one batch', async () => {
    const { events } = await open(files.newFile());
    const [first, second, third] = [anEvent(), anEvent(), anEvent()];
    const at = (expected: number | 'any', stream: string, ...some: StampedEvent[]) =>
      events.append([{ stream, expected, events: some }]);
    await at(0, 'a-1', first);
    const results = await Promise.all([
      at(0, 'b-1', second),
      at('any', 'a-1', first),
      at(1, 'a-1', third),
      at('any', 'b-1', second),
    ]);
    expect(results.map(({ position, repeated }) => [position, repeated])).toEqual([
      [2, false],
      [1, true],
      [3, false],
      [2, true],
    ]);
    await expect(at('any', 'c-1', anEvent(), third)).rejects.toThrow(new EventIdReused(third.id, 'c-1'));
    for (let again = 0; again < 3; again++)
      expect(await at(7, 'b-1', second)).toMatchObject({ repeated: true });
    expect(await at(2, 'a-1', anEvent())).toMatchObject({ position: 4, repeated: false });
    expect((await eventsOf(events)).map(({ id }) => id).slice(0, 3)).toEqual([first.id, second.id, third.id]);
  });

  it.each(['any', 0, 7] as const)(
    'what comes again at %s after something new is answered as it was, and an id used again is refused',
    async (expected) => {
      const { events } = await open(files.newFile());
      const [first, second] = [anEvent(), anEvent()];
      await record(events, 'a-1', first);
      await record(events, 'a-1', second);
      const again = await events.append([{ stream: 'a-1', expected, events: [first] }]);
      expect(again).toMatchObject({ position: 1, repeated: true });
      await record(events, 'b-1', anEvent());
      const reused = events.append([{ stream: 'b-1', expected, events: [anEvent(), second] }]);
      await expect(reused).rejects.toThrow(new EventIdReused(second.id, 'b-1'));
      expect(await eventsOf(events)).toHaveLength(3);
    },
  );

  it('versions that are remembered give way to what another connection has appended', async () => {
    const file = files.newFile();
    const [here, there] = [await open(file), await open(file)];
    const append = ({ events }: OpenStorage, expected: number | 'none' | 'exists') =>
      events.append([{ stream: 'a-1', expected, events: [anEvent()] }]);
    await append(here, 0);
    await append(here, 1);
    await append(there, 2);
    await expect(append(here, 2)).rejects.toThrow(new VersionConflict('a-1', 2, 3));
    expect((await append(here, 3)).writes).toEqual([{ stream: 'a-1', version: 4, position: 4 }]);
    await append(there, 'exists');
    await expect(append(here, 'none')).rejects.toThrow(new VersionConflict('a-1', 0, 5));
    // Refused for want of the other stream, which is no reason to remember a version that was never reached.
    const both = [
      { stream: 'a-1', expected: 5, events: [anEvent()] },
      { stream: 'b-1', expected: 1, events: [anEvent()] },
    ];
    await expect(here.events.append(both)).rejects.toThrow(new VersionConflict('b-1', 1, 0));
    expect((await append(here, 5)).position).toBe(6);
  });

  it('a commit that fails leaves no version behind', async () => {
    const limited = limitedDriver(await driverFor(name, 'test'));
    const { events } = await open(files.newFile(), {}, limited.driver);
    await record(events, 'a-1', anEvent());
    limited.limit(1);
    const large = { ...anEvent(), data: JSON.stringify('x'.repeat(100_000)) };
    await expect(record(events, 'a-1', large)).rejects.toMatchObject({ problem: 'full' });
    limited.limit(1_000_000);
    expect(await events.append([{ stream: 'a-1', expected: 1, events: [large] }])).toMatchObject({
      position: 2,
    });
  });

  it('system streams in great number are passed over, in both directions', async () => {
    const { events } = await open(files.newFile());
    const some = (count: number) => Array.from({ length: count }, () => anEvent());
    for (const [stream, count] of [
      ['a-1', 3],
      ['_s-1', 650],
      ['a-2', 2],
      ['_s-2', 300],
      ['a-1', 4],
    ] as const) {
      await record(events, stream, ...some(count));
    }
    for (const backwards of [false, true]) {
      for (const query of [{}, { types: ['happened'] }, { types: ['happened', 'other'] }]) {
        const found = await eventsOf(events, { ...query, backwards, pageSize: 4 });
        const pages = events.readAll({ ...query, backwards, pageSize: 4 });
        for await (const page of pages) expect(page.events.length).toBeLessThanOrEqual(4);
        const positions = [1, 2, 3, 654, 655, 956, 957, 958, 959];
        expect(found.map((it) => it.position)).toEqual(backwards ? positions.reverse() : positions);
      }
    }
  });

  it.each([
    ['another connection, which is noticed by looking', 'there', 5],
    ['this one, which needs no looking', 'here', 1_000_000],
  ] as const)('a follower is woken by %s', async (_, by, pollMs) => {
    const file = files.newFile();
    const stores = { here: await open(file, { pollMs }), there: await open(file) };
    const woken = new Promise<void>((wake) => stores.here.events.onAppend(wake));
    await record(stores[by].events, 'a-1', anEvent());
    await woken;
  });

  it.each(['the store', 'the last subscription'])(
    'nobody looks for appends any more once %s ends',
    async (what) => {
      const looks = jest.spyOn(globalThis, 'setInterval');
      const ends = jest.spyOn(globalThis, 'clearInterval');
      const { events } = await open(files.newFile(), { pollMs: 777 });
      const unsubscribe = [events.onAppend(() => undefined), events.onAppend(() => undefined)];
      const looking = looks.mock.calls.findIndex(([, ms]) => ms === 777);
      const timer = looks.mock.results[looking]!.value as unknown;
      const ended = () => ends.mock.calls.some(([it]) => it === timer);
      unsubscribe[0]!();
      expect(ended()).toBe(false);
      if (what === 'the store') await events.close();
      else unsubscribe[1]!();
      expect(ended()).toBe(true);
      looks.mockRestore();
      ends.mockRestore();
    },
  );

  it('state that is written wakes nobody', async () => {
    const file = files.newFile();
    const here = await open(file, { pollMs: 1 });
    const there = await open(file);
    await record(there.events, 'a-1', anEvent());
    let wakes = 0;
    here.events.onAppend(() => wakes++);
    await until(() => wakes === 1);
    for (let i = 0; i < 5; i++) {
      await there.state.transaction([], (state) => state.put('c', 'k', String(i)));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(wakes).toBe(1);
  });

  it.each([
    ['reading page after page', ({ events }: OpenStorage) => eventsOf(events, { pageSize: 1 })],
    [
      'one append of many events',
      ({ events }: OpenStorage) => record(events, 'b-1', ...Array.from({ length: 9_000 }, () => anEvent())),
    ],
    ['loading stream after stream', ({ events }: OpenStorage) => inARow(() => events.identity())],
    ['one view after the other', ({ state }: OpenStorage) => inARow(() => state.read((it) => it.count('c')))],
    [
      'one transaction after the other',
      ({ state }: OpenStorage) => inARow(() => state.transaction([], (it) => it.put('c', 'k', 'v'))),
    ],
  ])('%s lets everything else in the process go on', async (_, work) => {
    const storage = await open(files.newFile());
    await record(storage.events, 'a-1', ...Array.from({ length: 2_000 }, () => anEvent()));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const began = performance.now();
    await work(storage);
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(Math.floor((performance.now() - began) / 100));
    expect(turns).toBeGreaterThan(0);
  });

  it('long events come in smaller pages, all of them and in order', async () => {
    const { events } = await open(files.newFile());
    const long = JSON.stringify('x'.repeat(2 ** 19));
    for (let i = 0; i < 60; i++) {
      const event = anEvent(i % 3 ? 'odd' : 'third');
      await record(events, `a-${i % 2}`, i % 5 ? { ...event, data: long } : event);
    }
    await record(events, 'b-1', ...Array.from({ length: 300 }, () => anEvent('short')));
    const reads = {
      everything: (it: object) => events.readAll(it),
      'one type': (it: object) => events.readAll({ ...it, types: ['odd'] }),
      'several types': (it: object) => events.readAll({ ...it, types: ['odd', 'third', 'short'] }),
      'one stream': (it: object) => events.readStream('a-1', it),
    };
    for (const [name, read] of Object.entries(reads)) {
      for (const backwards of [false, true]) {
        const positions: number[] = [];
        for await (const page of read({ backwards, limit: 340 })) {
          const length = page.events.reduce((sum, { data }) => sum + data.length, 0);
          expect([name, length < 20 * 2 ** 20]).toEqual([name, true]);
          positions.push(...page.events.map(({ position }) => position));
        }
        const inPieces: number[] = [];
        for await (const page of read({ backwards, limit: 340, pageSize: 1 }))
          inPieces.push(...page.events.map(({ position }) => position));
        expect([name, positions]).toEqual([name, inPieces]);
      }
    }
  });

  it('a category is not a part of another name with a dash in it', async () => {
    const { events } = await open(files.newFile());
    for (const stream of ['a', 'a-b-1', 'a-c', 'a.b', 'b']) await record(events, stream, anEvent());
    const names = async (categories: string[]) => {
      const found: string[] = [];
      for await (const page of events.listStreams({ categories }))
        found.push(...page.map(({ stream }) => stream));
      return found;
    };
    expect(await names(['a-b'])).toEqual([]);
    expect(await names(['b', 'a'])).toEqual(['a', 'a-b-1', 'a-c', 'b']);
  });

  it('more streams than one statement gives are listed in order, up to the end of their category', async () => {
    const { events } = await open(files.newFile());
    const names = Array.from({ length: 230 }, (_, i) => `a-${String(i).padStart(3, '0')}`);
    for (const stream of [...names, 'b-1', 'c-1'])
      await record(events, stream, ...(stream === 'a-199' ? [anEvent(), anEvent()] : [anEvent()]));
    for (const pageSize of [7, 100, 200, 500]) {
      const heads: StreamHead[] = [];
      for await (const page of events.listStreams({ categories: ['a', 'c'], pageSize })) heads.push(...page);
      expect(heads.map(({ stream }) => stream)).toEqual([...names, 'c-1']);
      expect(heads.filter(({ version }) => version !== 1)).toMatchObject([
        { stream: 'a-199', position: 201 },
      ]);
    }
  });

  it('closing writes what was accepted, ends what is being read and may be done twice', async () => {
    const file = files.newFile();
    const storage = await open(file);
    await record(storage.events, 'a-1', ...Array.from({ length: 30 }, () => anEvent()));
    const pages = storage.events.readAll({ pageSize: 10 })[Symbol.asyncIterator]();
    await pages.next();
    const accepted = record(storage.events, 'a-1', anEvent());
    const written = storage.state.transaction([], (state) => state.put('c', 'k', 'v'));
    await Promise.all([storage.close(), storage.close()]);
    expect(await accepted).toMatchObject({ position: 31 });
    await written;
    await expect(pages.next()).rejects.toMatchObject({ code: 'BACKSTORY_STORE_CLOSED' });
    await expect(storage.state.read(async () => 1)).rejects.toMatchObject({ code: 'BACKSTORY_STORE_CLOSED' });
    const again = await open(file);
    expect(await again.state.read((state) => state.get('c', 'k'))).toBe('v');
    expect(await again.events.identity()).toMatchObject({ head: 31 });
  });

  it('a restore that fails late leaves the log as empty as it was', async () => {
    const source = await open(files.newFile());
    await record(source.events, 'a-1', ...Array.from({ length: 200 }, () => anEvent()));
    const target = await open(files.newFile());
    async function* broken() {
      yield* source.events.readAll({ pageSize: 50, upTo: 150 });
      throw new Error('the archive ends here');
    }
    await expect(target.events.restore(broken())).rejects.toThrow('the archive ends here');
    expect(await target.events.identity()).toMatchObject({ head: 0 });
    expect(await target.events.restore(source.events.readAll())).toMatchObject({ head: 200 });
    expect(await eventsOf(target.events)).toEqual(await eventsOf(source.events));
  });
});

/** Does something again and again, for a tenth of a second at least. */
async function inARow(work: () => Promise<unknown>): Promise<void> {
  for (const began = performance.now(); performance.now() - began < 100;) await work();
}

/** The columns of an event, some with a value of one's own. */
function columns(own: Readonly<Record<string, string>>): string {
  const names =
    'position, stream, category, version, id, type, schema_version, data, metadata, recorded_at, correlation_id, causation_id, append_index';
  return names
    .split(', ')
    .map((name) => own[name] ?? name)
    .join(', ');
}

/** A driver whose files can be limited to a number of pages, as a disk limits them. */
function limitedDriver(driver: Driver) {
  const connections: Connection[] = [];
  const open = (uri: string): Connection => {
    const connection = driver.open(uri);
    connections.push(connection);
    return connection;
  };
  const limit = (pages: number): void => {
    for (const connection of connections.slice(-2)) connection.exec(`PRAGMA max_page_count = ${pages}`);
  };
  return { driver: { ...driver, open }, limit };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}
