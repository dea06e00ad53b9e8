import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { EventTypes } from '@backstory/events';
import { Projections, type ProjectionSource } from '@backstory/projection';
import { IN_TIME } from '../support/eventually.js';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { seededRandom } from '../support/seeded-random.js';
import { spawnWorker } from '../support/spawn-worker.js';
import { sqliteFiles } from '../support/sqlite-files.js';
import { seeds } from './seeds.js';
import { storageOf } from './place.js';
import { Counted, lately, ledger, totals } from './projection-crash.js';

/** Fewer or more of them: `BACKSTORY_TEST_ROUNDS=5`. */
const ROUNDS = Number(process.env['BACKSTORY_TEST_ROUNDS'] ?? 20);
const EVENTS = 500 * ROUNDS;
const [seed] = seeds();
const types = new EventTypes([Counted]);
/** About as long as a batch takes at the pace of the worker. */
const BATCH_MS = 100;

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server.stop());
const files = sqliteFiles();
const workers: ChildProcess[] = [];
afterEach(() => {
  for (const worker of workers.splice(0)) worker.kill('SIGKILL');
});

interface Places {
  readonly log: string;
  readonly state: string;
}

const PLACES: readonly (readonly [string, () => Promise<Places>])[] = [
  ['SQLite', async () => same(files.newFile())],
  ['PostgreSQL', async () => same(await server.createDatabase())],
  [
    'a log in PostgreSQL and state in SQLite',
    async () => ({ log: await server.createDatabase(), state: files.newFile() }),
  ],
  [
    'a log in SQLite and state in PostgreSQL',
    async () => ({ log: files.newFile(), state: await server.createDatabase() }),
  ],
];
const same = (place: string): Places => ({ log: place, state: place });

describe.each(PLACES)('%s', (_, places) => {
  let at: Places;
  let log: OpenStorage;
  let beside: OpenStorage;
  let admin: Projections;
  beforeEach(async () => {
    at = await places();
    log = await files.opened(storageOf(at.log).open());
    beside = at.state === at.log ? log : await files.opened(storageOf(at.state).open());
    admin = projectionsOn(log, beside);
  });
  afterEach(() => admin.close());

  test(
    `killed at ${ROUNDS} points of a rebuild, documents and tables go on and end with what a fresh fold gives (seed ${seed})`,
    async () => {
      const random = seededRandom(seed!);
      await append(log, EVENTS, random);
      await killedWhileRebuilding(random);
      const worker = await started(at, 'rebuild', 'filled');
      await killed(worker);
      const built = await admin.content('totals', 2);
      expect(built).toMatchObject(await freshFold('totals'));
      expect(await generation('totals', 2)).toMatchObject({ events: EVENTS, documents: built.documents });
      expect(await checkTables(2)).toBe(EVENTS);
      expect(await generation('ledger', 2)).toMatchObject({ events: EVENTS });
      expect(await admin.content('ledger', 2)).toMatchObject(await freshFold('ledger'));
    },
    60_000 + ROUNDS * 15_000,
  );

  test(
    `killed at ${ROUNDS} points of live following, no event is missed and none counts twice, in documents, windows and tables (seed ${seed})`,
    async () => {
      const random = seededRandom(seed! + 1);
      await killedWhileFollowing(random);
      const worker = await started(at, 'live');
      const { head } = await log.events.identity();
      for (const name of NAMES) await admin.caughtUp(name, head, IN_TIME);
      await killed(worker);
      await checkDocuments(1);
      expect(await checkTables(1)).toBe(await countUpTo(head));
      for (const name of NAMES) expect(await admin.content(name)).toMatchObject(await freshFold(name));
      expect((await admin.of(lately).results('all')).length).toBeGreaterThan(5);
    },
    60_000 + ROUNDS * 15_000,
  );

  /** Kills it once in each part of the log, wherever it is there in a batch; and tells of, and requires, kills inside of the rebuilds. */
  async function killedWhileRebuilding(random: () => number): Promise<void> {
    // The first generations are there, and nobody feeds them.
    await admin.start();
    await admin.close();
    admin = projectionsOn(log, beside);
    const kills = { totals: [] as number[], ledger: [] as number[] };
    let before = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const from = Math.floor(((round + random()) / (ROUNDS + 1)) * EVENTS);
      // The first of them is: neither is filled before the last kill. The worker says so itself, for asking takes long where much is going on.
      const worker = await started(at, 'rebuild', 'beyond', from);
      await wait(random() * BATCH_MS);
      await killed(worker);
      before = await checkDocuments(2, before);
      await checkTables(2);
      for (const name of REBUILT) kills[name].push((await generation(name, 2))!.events);
    }
    for (const name of REBUILT) {
      const inside = kills[name].filter((it) => it > 0 && it < EVENTS).length;
      process.stdout.write(
        `${name}: killed at ${kills[name].join(', ')} of ${EVENTS} events, ${inside} inside\n`,
      );
      expect(inside).toBeGreaterThan(ROUNDS * 0.7);
    }
  }

  /** Kills it while events come and some of them were folded. */
  async function killedWhileFollowing(random: () => number): Promise<void> {
    const kills: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const worker = await started(at, 'live');
      const of = random() < 0.5 ? 'totals' : 'ledger';
      const folded = async () => (await generation(of, 1))?.events ?? 0;
      const before = await folded();
      let end = Infinity;
      while (performance.now() < end) {
        await append(log, 1 + Math.floor(random() * 10), random);
        if (end === Infinity && (await folded()) > before) end = performance.now() + random() * 500;
        await wait(5);
      }
      await killed(worker);
      const [documents, tables] = [await checkDocuments(1), await checkTables(1)];
      kills.push(`${documents} (documents) ${tables} (tables)`);
    }
    process.stdout.write(`killed after ${kills.join(', ')} of ${await countUpTo(Infinity)} events\n`);
  }

  const generation = async (name: string, number: number) =>
    (await admin.list()).find((it) => it.name === name)?.generations.find((it) => it.generation === number);

  /** The tables hold exactly the events up to their checkpoint. Gives how many those are. */
  async function checkTables(number: number): Promise<number> {
    const { position, events } = (await generation('ledger', number))!;
    const ask = async (what: string, table: string) => {
      const rows = await beside.state.read(({ sql }) =>
        sql!.run({
          texts: [`select ${what} from ${sql!.table(`ledger.${number}.${table}`)}`],
          values: [],
        }),
      );
      return Object.values(rows[0]!).map(Number);
    };
    const count = await countUpTo(position);
    const [rows, last, sum] = await ask('count(*) as a, max(position) as b, sum(n) as c', 'counted');
    const [total, folded] = await ask('sum(sum) as a, sum(events) as b', 'sums');
    expect({ rows, folded, events }).toEqual({ rows: count, folded: count, events: count });
    expect(total).toBe(sum);
    expect(last).toBeLessThanOrEqual(position);
    return count;
  }

  async function countUpTo(position: number): Promise<number> {
    let counted = 0;
    const upTo = Math.min(position, (await log.events.identity()).head);
    for await (const page of log.events.readAll({ upTo, pageSize: 5_000 })) counted += page.events.length;
    return counted;
  }

  /** Documents are of exactly the events up to their checkpoint, wherever it was killed, and go back behind nothing. Gives the position. */
  async function checkDocuments(number: number, before = 0): Promise<number> {
    const { position, events } = (await generation('totals', number))!;
    expect(position).toBeGreaterThanOrEqual(before);
    const counted = await countUpTo(position);
    const all = await beside.state.read((view) =>
      view.get(`backstory.projections/totals/${number}/documents`, 'all'),
    );
    const folded = all === undefined ? 0 : (JSON.parse(all) as { events: number }).events;
    expect({ folded, events }).toEqual({ folded: counted, events: counted });
    return position;
  }

  /** What one process makes of the log that nobody disturbs. Tables are made in a database of the same kind. */
  async function freshFold(name: keyof typeof SOURCES) {
    const storage = name === 'ledger' ? storageOf((await places()).state) : memory();
    const projections = projectionsOn(log, await files.opened(storage.open()), [SOURCES[name]]);
    try {
      await projections.start();
      await projections.caughtUp(name, (await log.events.identity()).head, IN_TIME);
      const { documents, hash } = await projections.content(name);
      return { documents, hash };
    } finally {
      await projections.close();
    }
  }
});

const SOURCES = { totals, lately, ledger };
const NAMES = Object.keys(SOURCES) as (keyof typeof SOURCES)[];
/** Windows are documents as well. */
const REBUILT = ['totals', 'ledger'] as const;

function projectionsOn(
  { events }: OpenStorage,
  { state }: OpenStorage,
  sources: readonly ProjectionSource[] = Object.values(SOURCES),
): Projections {
  const projections = new Projections({ events, state, recorder: new Recorder(events, { source: 'test' }) });
  for (const source of sources) projections.declare(source);
  return projections;
}

async function append({ events }: OpenStorage, count: number, random: () => number): Promise<void> {
  const recorder = new Recorder(events, { source: 'test' });
  for (let left = count; left > 0; left -= 100) {
    const writes = new Map<string, ReturnType<EventTypes['encode']>[]>();
    for (let i = 0; i < Math.min(100, left); i++) {
      const stream = `thing-${Math.floor(random() * 300)}`;
      writes.set(stream, [
        ...(writes.get(stream) ?? []),
        types.encode(new Counted(Math.floor(random() * 100))),
      ]);
    }
    await recorder.record(
      [...writes].map(([stream, own]) => ({ stream, expected: 'any' as const, events: own })),
    );
  }
}

async function started(
  { log, state }: Places,
  mode: 'live' | 'rebuild',
  until = 'ready',
  position = Infinity,
): Promise<ChildProcess> {
  const file = path.join(__dirname, 'projection-crash.worker.ts');
  const worker = spawnWorker(file, [log, state, mode, String(position)]);
  workers.push(worker);
  worker.stderr!.pipe(process.stderr);
  for await (const line of createInterface(worker.stdout!)) if (line === until) return worker;
  throw new Error(`The process ended before it was ${until}.`);
}

async function killed(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = once(worker, 'exit');
  worker.kill('SIGKILL');
  await ended;
}
