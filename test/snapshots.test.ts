import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  decider,
  defineBackstory,
  memory,
  sqlite,
  type BackstoryOptions,
  type Repository,
  type Storage,
} from 'backstory';
import type { StateStore } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { diff, history, stateAt } from '@backstory/replay';
import { spawnWorker } from './support/spawn-worker';
import { anEvent, sqliteFiles } from './support/sqlite-files';

@DomainEvent('tally.counted')
class Counted {
  constructor(readonly by: string) {}
}

@Aggregate('tally', { snapshots: { every: 5, keep: 4 } })
class Tally extends EventSourcedAggregate {
  total = 0;
  by: Record<string, number> = {};
  count(by: string, times = 1): void {
    for (let i = 0; i < times; i++) this.raise(new Counted(by));
  }
  @EventHandler(Counted) protected counted({ by }: Counted): void {
    this.total++;
    this.by[by] = (this.by[by] ?? 0) + 1;
  }
}

const files = sqliteFiles();
const define = (options: Partial<BackstoryOptions> & Pick<BackstoryOptions, 'store'>) =>
  defineBackstory({ name: 'tally', aggregates: [Tally], ...options });
const snapshotsIn = (state: StateStore) => state.read((view) => view.list('backstory.snapshots'));

/** Replaces in every snapshot. */
const forge = (state: StateStore, from: RegExp, to: string) =>
  state.transaction([], async (tx) => {
    for (const { key, value } of await tx.list('backstory.snapshots'))
      await tx.put('backstory.snapshots', key, value.replace(from, to));
  });

describe('several processes on one file', () => {
  const worker = (file: string, name: string, times: number) =>
    spawnWorker(path.join(__dirname, 'snapshots.worker.ts'), [file, name, String(times)]);

  async function said(process: ChildProcess, heard: (line: string) => void = () => undefined) {
    let complaints = '';
    process.stderr!.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    const ended = new Promise<void>((resolve) => process.once('close', () => resolve()));
    const lines: string[] = [];
    for await (const line of createInterface(process.stdout!)) {
      lines.push(line);
      heard(line);
    }
    await ended;
    return { lines, complaints };
  }

  /** Both tallies as another worker loads them: its class has the shape that the snapshots were taken of. */
  async function loaded(file: string): Promise<{ id: string; version: number; from: string }[]> {
    const { lines, complaints } = await said(worker(file, 'l', 0));
    expect([complaints, lines.length]).toEqual(['', 2]);
    return lines.map((line) => JSON.parse(line));
  }

  /** Every snapshot is the state that the events give at its version. */
  async function checkSnapshots(file: string): Promise<number> {
    return define({ store: sqlite(file) }).run(async (app) => {
      const kept = (await snapshotsIn(app.state)).map(({ value }) => JSON.parse(value));
      for (const { stream, last, state } of kept) {
        expect(state).toEqual((await stateAt(app, stream, { atVersion: last.version })).state);
      }
      return kept.length;
    });
  }

  it('load what any of them recorded, from whatever they have kept', async () => {
    const file = files.newFile();
    const names = ['a', 'b'];
    const outcomes = await Promise.all(names.map((name) => said(worker(file, name, 40))));
    expect(outcomes.map(({ complaints }) => complaints)).toEqual(['', '']);
    for (const tally of await loaded(file))
      expect(tally).toMatchObject({ total: 40, by: { a: 20, b: 20 }, from: 'snapshot' });
    expect(await checkSnapshots(file)).toBeGreaterThan(2);
  });

  it('that are killed while they write snapshots lose nothing, and leave none that is wrong', async () => {
    const file = files.newFile();
    const acknowledged: Record<string, number> = { 0: 0, 1: 0 };
    for (const killedAfter of [12, 23, 37]) {
      let left = killedAfter;
      const process = worker(file, 'k', 10_000);
      const { complaints } = await said(process, (line) => {
        const [id, version] = line.split(' ') as [string, string];
        acknowledged[id] = Math.max(acknowledged[id]!, Number(version));
        if (--left === 0) process.kill('SIGKILL');
      });
      expect([complaints, process.signalCode]).toEqual(['', 'SIGKILL']);
    }
    expect(await checkSnapshots(file)).toBeGreaterThan(2);
    for (const tally of await loaded(file)) {
      expect(tally.version).toBeGreaterThanOrEqual(acknowledged[tally.id]!);
      expect(tally).toMatchObject({ total: tally.version, from: 'snapshot' });
    }
  });
});

it('a log that is restored from a backup is loaded as it is, though the state store has seen more', async () => {
  const [log, state, backup] = [files.newFile(), files.newFile(), files.newFile()];
  const run = (work: (tallies: Repository<Tally>) => Promise<unknown>) =>
    define({ store: sqlite(log), state: sqlite(state), cache: {} }).run((app) => work(app.repository(Tally)));
  await run((tallies) => tallies.update('1', (tally) => tally.count('before', 8), { create: true }));
  fs.copyFileSync(log, backup);
  await run(async (tallies) => {
    await tallies.update('1', (tally) => tally.count('lost', 12));
    expect(await tallies.load('1')).toMatchObject({ version: 20 });
  });
  for (const suffix of ['-wal', '-shm']) fs.rmSync(log + suffix, { force: true });
  fs.copyFileSync(backup, log);
  await run(async (tallies) => {
    expect(await tallies.load('1')).toMatchObject({ version: 8, by: { before: 8 } });
    await tallies.update('1', (tally) => tally.count('after', 30));
    expect(await tallies.load('1')).toMatchObject({ version: 38, by: { before: 8, after: 30 } });
    expect(await tallies.load('1', { atVersion: 20 })).toMatchObject({ by: { before: 8, after: 12 } });
  });
});

it('what is asked of the log is answered by its events, whatever the snapshots say', async () => {
  const store = memory();
  await define({ store }).run(async (app) => {
    await app.repository(Tally).update('1', (tally) => tally.count('a', 20), { create: true });
    await app.repository(Tally).load('1');
  });
  await define({ store }).run(async (app) => {
    await forge(app.state, /"total":20/, '"total":999');
    expect(await snapshotsIn(app.state)).toMatchObject([{ value: expect.stringContaining('999') }]);
    expect((await stateAt(app, 'tally-1')).state).toEqual({ total: 20, by: { a: 20 } });
    expect((await diff(app, 'tally-1', { from: 19, to: 20 })).changes).toContainEqual({
      path: 'total',
      before: 19,
      after: 20,
    });
    for await (const step of history(app, 'tally-1', { from: 20 }))
      expect(step.after).toMatchObject({ total: 20 });
    await expect(app.repository(Tally).load('1')).rejects.toMatchObject({
      code: 'BACKSTORY_SNAPSHOT_MISMATCH',
      properties: ['total'],
    });
  });
});

it('an application that is open to be looked at keeps nothing', async () => {
  const file = files.newFile();
  await define({ store: sqlite(file), aggregates: [] }).run(async (app) => {
    await app.events.append([
      {
        stream: 'tally-1',
        expected: 'none',
        events: Array.from({ length: 10 }, () => ({ ...anEvent('tally.counted'), data: '{"by":"a"}' })),
      },
    ]);
  });
  const operations: string[] = [];
  const observer: Observer = {
    ...silent,
    snapshot: (start, work) => (operations.push(start().operation), work(() => undefined)),
  };
  const app = await define({ store: sqlite(file), observer }).open({ readOnly: true });
  expect(await app.repository(Tally).load('1')).toMatchObject({ total: 10 });
  await app.close();
  expect(operations).toEqual(['load']);
  await define({ store: sqlite(file) }).run(async ({ state }) =>
    expect(await snapshotsIn(state)).toEqual([]),
  );
});

it('closing an application waits for the snapshots that its loads left', async () => {
  const slow = await memory().open();
  let isWritten = false;
  const transaction: StateStore['transaction'] = async (fences, work) => {
    await delay(50);
    const result = await slow.state.transaction(fences, work);
    isWritten = true;
    return result;
  };
  const writtenAtClose: boolean[] = [];
  const opened = {
    events: slow.events,
    state: Object.assign(Object.create(slow.state) as StateStore, { transaction }),
    close: async () => void writtenAtClose.push(isWritten),
  };
  const state: Storage = { description: 'slow', open: async () => opened };
  await define({ store: memory(), state }).run(async (app) => {
    await app.repository(Tally).update('1', (tally) => tally.count('a', 20), { create: true });
    await app.repository(Tally).load('1');
  });
  expect(writtenAtClose).toEqual([true]);
  expect(await snapshotsIn(slow.state)).toHaveLength(1);
});

it.each([
  ['an object', { initial: { total: 0 }, next: (state: any) => ({ total: state.total + 1 }) }],
  ['a number', { initial: 0, next: (state: any) => state + 1 }],
  ['a list', { initial: [], next: (state: any) => [...state, { n: state.length }] }],
  ['null at first', { initial: null, next: (state: any) => ({ total: (state?.total ?? 0) + 1 }) }],
])('a decider whose state is %s is kept and restored', async (_, { initial, next }) => {
  const Counter = decider('counter', {
    initial,
    events: { Counted },
    decide: { count: (_state, times: number) => Array.from({ length: times }, () => new Counted('a')) },
    evolve: { Counted: (state) => next(state) },
    snapshots: { every: 5 },
  });
  const froms: string[] = [];
  const observer: Observer = {
    ...silent,
    load: (_s, work) => work((facts) => void froms.push(facts().from)),
  };
  const store = memory();
  const expected = Array.from({ length: 7 }).reduce(next, initial);
  for (let i = 0; i < 2; i++) {
    await define({ store, aggregates: [Counter], observer }).run(async (app) => {
      const counters = app.repository(Counter);
      await counters.update('1', (it) => it.count(i === 0 ? 6 : 1), { create: true });
      const { state } = await counters.load('1');
      if (i > 0) expect(state).toEqual(expected);
    });
  }
  expect(froms).toEqual(['stream', 'stream', 'snapshot', 'snapshot']);
});

it.each<[Partial<BackstoryOptions>, string]>([
  [{ cache: true as never }, 'cache: must say how much it may hold'],
  [{ cache: { entries: -1 } }, 'cache.entries: must be a whole number ≥ 1, not -1.'],
  [{ verifyLoads: 1.5 }, 'verifyLoads: must be a number from 0 to 1, not 1.5.'],
])('an application with %j is refused when it is defined', (options, message) => {
  expect(() => define({ store: memory(), ...options })).toThrow(
    expect.objectContaining({ code: 'BACKSTORY_INVALID_OPTION', message: expect.stringContaining(message) }),
  );
});
