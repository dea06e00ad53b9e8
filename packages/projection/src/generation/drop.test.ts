import { Recorder, memory, type OpenStorage, type StateStore, type Storage } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import type { Fence, StateTransaction } from '@backstory/core/state';
import { DomainEvent, EventTypes } from '@backstory/events';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import { eventually } from '../../../../test/support/eventually.js';
import { startPostgres, type PostgresServer } from '../../../../test/support/postgres-server.js';
import { sqliteFiles } from '../../../../test/support/sqlite-files.js';
import { projection } from '../definition/functional-projection.js';
import { Projections } from '../projections.js';
import { sqlProjection } from '../tables/sql-projection.js';
import { drop } from './drop.js';
import { feedersOf } from './feeders.js';
import { placesOf } from './places.js';

@DomainEvent('thing.counted')
class Counted {}
const counted = [new EventTypes([Counted]).encode(new Counted())];

const NAME = 'counts';
const documents = projection(NAME, {
  version: 1,
  indexes: ['count'],
  initial: { count: 0 },
  events: { Counted },
  fold: {
    Counted: ({ count }, _event, _recorded, _key, emit) => {
      emit(count);
      return { count: count + 1 };
    },
  },
});
const shapes = { counted: { columns: { position: 'bigint' }, key: ['position'] } };
const tables = sqlProjection(NAME, {
  version: 1,
  tables: shapes,
  events: { Counted },
  handle: {
    Counted: (_event, { position }, { sql, counted }) =>
      sql`insert into ${counted} (position) values (${position})`,
  },
});

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server.stop());
const files = sqliteFiles();
let projections: Projections | undefined;
afterEach(() => projections?.close());

/** Something that is read, and a second generation. */
async function twoOf(source: typeof documents | typeof tables, storage: Storage, things: number) {
  const opened = await files.opened(storage.open());
  const recorder = new Recorder(opened.events, { source: 'test' });
  await recorder.record(
    Array.from(
      { length: things },
      (_, i) => ({ stream: `thing-${i}`, expected: 'any', events: counted }) as const,
    ),
  );
  projections = new Projections({ ...opened, recorder });
  projections.declare(source);
  await projections.start();
  await projections.fill(NAME);
  return { ...opened, projections };
}

class Killed extends Error {}

/** The state store of a process that is killed after so many transactions. */
function killedAfter(left: number, store: StateStore): StateStore {
  return Object.assign(Object.create(store) as StateStore, {
    transaction: async (...given: Parameters<StateStore['transaction']>) => {
      if (left-- <= 0) throw new Killed();
      return store.transaction(...given);
    },
  });
}

/** Drops another second generation for each of the transactions that this takes, killed before it; `check` is given the number. */
async function killedAtEach(
  { state, projections: of }: OpenStorage & { readonly projections: Projections },
  check: (generation: number) => Promise<unknown>,
): Promise<number> {
  for (let done = 0; ; done++) {
    const generation = await of.fill(NAME).then((it) => it.generation);
    const dropped = await drop(killedAfter(done, state), NAME).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
    if (dropped !== undefined) return done;
    const { role } = (await of.status(NAME)).generations[1]!;
    expect([done, role]).toEqual([done, done === 0 ? 'building' : 'dropping']);
    if (done > 0) {
      // It can be used for nothing more, and whoever does not know of it is told.
      await expect(of.swap(NAME, { generation })).rejects.toThrow(/there is none: there are 1\./);
      const next = await of.rebuild(NAME);
      await expect(of.drop(NAME)).rejects.toThrow(
        `say which, by its \`generation\` (--generation on the command line): there are ${generation} (half dropped), ${next}.`,
      );
      await of.drop(NAME, { generation: next });
    }
    expect(await of.drop(NAME)).toBe(generation);
    expect((await of.status(NAME)).generations.map((it) => it.generation)).toEqual([1]);
    await check(generation);
  }
}

it('a drop of documents that is killed before any of its transactions is told, and finished by the next one', async () => {
  const all = await twoOf(documents, memory(), 1_001);
  const places = placesOf(NAME);
  const before = await all.state.read((view) => view.count(places.results(2)));
  expect(before).toBe(1_001);
  const transactions = await killedAtEach(all, async (generation) => {
    const collections = [
      places.documents(generation),
      places.results(generation),
      places.index(generation, 'count'),
    ];
    for (const it of collections) expect(await all.state.read((view) => view.count(it))).toBe(0);
    expect(await all.state.read((view) => view.get(places.progress, String(generation)))).toBeUndefined();
  });
  // Its first and last one, and two portions each of documents, results and index.
  expect(transactions).toBe(8);
  expect(await all.projections.named(NAME).count()).toBe(1_001);
});

it.each<[string, () => Promise<Storage>]>([
  ['SQLite', async () => sqlite(files.newFile())],
  ['PostgreSQL', async () => postgres(await server.createDatabase())],
])(
  'on %s a drop of tables that is killed before any of its transactions is told, and finished by the next one',
  async (_, newStorage) => {
    const all = await twoOf(tables, await newStorage(), 3);
    const ask = (generation: number) =>
      all.state.read(({ sql }) =>
        sql!.run({ texts: [`select * from ${sql!.table(`${NAME}.${generation}.counted`)}`], values: [] }),
      );
    const transactions = await killedAtEach(all, async (generation) => {
      await expect(ask(generation)).rejects.toThrow(/counted/);
    });
    expect(transactions).toBe(2);
    expect(await ask(1)).toHaveLength(3);
  },
);

describe('on PostgreSQL, beside the first batch of what is dropped,', () => {
  /** Called by a handler before its statement, as long as it is there. */
  let before: (() => Promise<void>) | undefined;
  const waiting = sqlProjection(NAME, {
    ...{ version: 1, tables: shapes, events: { Counted } },
    handle: {
      Counted: async (_event, { position }, { sql, counted }) => {
        await before?.();
        await sql`insert into ${counted} (position) values (${position})`;
      },
    },
  });

  it('a handler that finds its tables gone is no fault of the projection', async () => {
    const storage = postgres(await server.createDatabase());
    const opened = await files.opened(storage.open());
    const recorder = new Recorder(opened.events, { source: 'test' });
    await recorder.record([{ stream: 'thing', expected: 'any', events: counted }]);
    const told: string[] = [];
    const observer = { ...silent, consumer: (it) => void told.push(it().change) } as Observer;
    // It looks around only when it is asked to.
    projections = new Projections({ ...opened, recorder, observer, leaseMs: 300_000 });
    projections.declare(waiting);
    await projections.start();
    await projections.caughtUp(NAME, 1);
    const [begun, dropped] = [gate(), gate()];
    before = async () => {
      begun.open();
      await dropped.isOpen;
    };
    await projections.rebuild(NAME);
    await begun.isOpen;
    // By another process.
    await drop(opened.state, NAME);
    before = undefined;
    dropped.open();
    await eventually(async () => (await feedersOf(opened.state, NAME)).size === 1);
    expect(told).toEqual(['started']);
    expect(await opened.state.read((view) => view.count(placesOf(NAME).troubles))).toBe(0);
    await recorder.record([{ stream: 'thing', expected: 'any', events: counted }]);
    await projections.caughtUp(NAME, 3);
    expect(await projections.status(NAME)).toMatchObject({ state: 'live', generations: [{ events: 2 }] });
  });

  it('documents that it has written since they were deleted are deleted as well', async () => {
    const storage = postgres(await server.createDatabase());
    const { events, state } = await files.opened(storage.open());
    const recorder = new Recorder(events, { source: 'test' });
    await recorder.record([{ stream: 'thing', expected: 'any', events: counted }]);
    // The feeder's first batch of the second generation, held before its commit.
    const [written, last, committed] = [gate(), gate(), gate()];
    let isHeld = false;
    const holding = Object.assign(Object.create(state) as StateStore, {
      transaction: async <T>(fences: readonly Fence[], work: (tx: StateTransaction) => Promise<T>) => {
        const isFirst = isHeld && fences.some(({ name }) => name === placesOf(NAME).lease(2));
        if (!isFirst) return state.transaction(fences, work);
        isHeld = false;
        return state
          .transaction(fences, async (tx) => {
            const done = await work(tx);
            written.open();
            await last.isOpen;
            return done;
          })
          .finally(committed.open);
      },
    });
    projections = new Projections({ events, state: holding, recorder });
    projections.declare(documents);
    await projections.start();
    await projections.caughtUp(NAME, 1);
    isHeld = true;
    await projections.rebuild(NAME);
    await written.isOpen;
    let transactions = 0;
    const dropping = Object.assign(Object.create(state) as StateStore, {
      transaction: async (...given: Parameters<StateStore['transaction']>) => {
        if (++transactions === 2) {
          last.open();
          await committed.isOpen;
        }
        return state.transaction(...given);
      },
    });
    expect(await drop(dropping, NAME)).toBe(2);
    const places = placesOf(NAME);
    const left = [places.documents(2), places.results(2), places.index(2, 'count'), places.progress].map(
      (it) => state.read((view) => view.count(it)),
    );
    // How far the one that is read has come.
    expect(await Promise.all(left)).toEqual([0, 0, 0, 1]);
  });
});

/** Something that is waited for until it is opened. */
function gate(): { readonly isOpen: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const isOpen = new Promise<void>((resolve) => (open = resolve));
  return { isOpen, open };
}
