import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { EventTypes } from '@backstory/events';
import { Projections, type ProjectionSource } from '@backstory/projection';
import { IN_TIME, eventually } from '../support/eventually.js';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { seededRandom } from '../support/seeded-random.js';
import { spawnWorker } from '../support/spawn-worker.js';
import { sqliteFiles } from '../support/sqlite-files.js';
import { seeds } from './seeds.js';
import { storageOf } from './place.js';
import { Counted, lately, ledger, totals } from './projection-crash.js';

/** More of them off-line: `BACKSTORY_TEST_ROUNDS=20`. */
const ROUNDS = Number(process.env['BACKSTORY_TEST_ROUNDS'] ?? 5);
const [EVENTS, HANDLED] = [3_000 * ROUNDS, 1_000 * ROUNDS];
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
    `killed at ${ROUNDS} points of a rebuild, it goes on and ends with what a fresh fold gives (seed ${seed})`,
    async () => {
      const random = seededRandom(seed!);
      await append(log, EVENTS, random);
      let before = 0;
      const check = async () => (before = await checkWhole(2, before));
      await killedWhileRebuilding('totals', { events: EVENTS, random, check });
      const worker = await started(at, 'rebuild', { until: 'filled' });
      await killed(worker);
      const built = await admin.content('totals', 2);
      expect(built).toMatchObject(await freshFold('totals'));
      expect(await generation('totals', 2)).toMatchObject({ events: EVENTS, documents: built.documents });
    },
    60_000 + ROUNDS * 15_000,
  );

  test(
    `killed at ${ROUNDS} points of live following, nothing is missed and nothing folded twice (seed ${seed})`,
    async () => {
      const random = seededRandom(seed! + 1);
      await killedWhileFollowing('totals', random, () => checkWhole(1, 0));
      const worker = await started(at, 'live');
      const { head } = await log.events.identity();
      await admin.caughtUp('totals', head, IN_TIME);
      await checkWhole(1, 0);
      await admin.caughtUp('lately', head, IN_TIME);
      await killed(worker);
      expect(await admin.content('totals')).toMatchObject(await freshFold('totals'));
      expect(await admin.content('lately')).toMatchObject(await freshFold('lately'));
      expect((await admin.of(lately).results('all')).length).toBeGreaterThan(5);
    },
    60_000 + ROUNDS * 15_000,
  );

  test(
    `tables: killed at ${ROUNDS} points of a rebuild, it goes on and ends with every event once (seed ${seed})`,
    async () => {
      const random = seededRandom(seed! + 2);
      await append(log, HANDLED, random);
      await killedWhileRebuilding('ledger', { events: HANDLED, random, check: () => checkTables(2) });
      const worker = await started(at, 'rebuild', { of: 'ledger', until: 'filled' });
      await killed(worker);
      expect(await checkTables(2)).toBe(HANDLED);
      expect(await generation('ledger', 2)).toMatchObject({ events: HANDLED });
      expect(await admin.content('ledger', 2)).toMatchObject(await freshFold('ledger'));
    },
    60_000 + ROUNDS * 15_000,
  );

  test(
    `tables: killed at ${ROUNDS} points of live following, every event is in them once (seed ${seed})`,
    async () => {
      const random = seededRandom(seed! + 3);
      await killedWhileFollowing('ledger', random, () => checkTables(1));
      const worker = await started(at, 'live', { of: 'ledger' });
      const { head } = await log.events.identity();
      await admin.caughtUp('ledger', head, IN_TIME);
      await killed(worker);
      expect(await checkTables(1)).toBe(await countUpTo(head));
      expect(await admin.content('ledger')).toMatchObject(await freshFold('ledger'));
    },
    60_000 + ROUNDS * 15_000,
  );

  /** Kills it once in each part of the log, wherever it is there in a batch; and tells of, and requires, kills inside of the rebuild. */
  async function killedWhileRebuilding(
    name: string,
    {
      events,
      random,
      check,
    }: {
      readonly events: number;
      readonly random: () => number;
      readonly check: () => Promise<unknown>;
    },
  ): Promise<void> {
    // The first generation is there, and nobody feeds it.
    await admin.start();
    await admin.close();
    admin = projectionsOn(log, beside);
    const kills: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const worker = await started(at, 'rebuild', { of: name });
      const from = ((round + random()) / (ROUNDS + 1)) * events;
      await eventually(async () => ((await generation(name, 2))?.events ?? 0) > from);
      await wait(random() * BATCH_MS);
      await killed(worker);
      await check();
      kills.push((await generation(name, 2))!.events);
    }
    const inside = kills.filter((it) => it > 0 && it < events).length;
    process.stdout.write(`${name}: killed at ${kills.join(', ')} of ${events} events, ${inside} inside\n`);
    expect(inside).toBeGreaterThan(ROUNDS * 0.7);
  }

  /** Kills it while events come and some of them were folded. */
  async function killedWhileFollowing(
    name: string,
    random: () => number,
    check: () => Promise<unknown>,
  ): Promise<void> {
    const kills: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const worker = await started(at, 'live', { of: name });
      const folded = async () => (await generation(name, 1))?.events ?? 0;
      const before = await folded();
      let end = Infinity;
      while (performance.now() < end) {
        await append(log, 1 + Math.floor(random() * 10), random);
        if (end === Infinity && (await folded()) > before) end = performance.now() + random() * 500;
        await wait(5);
      }
      await killed(worker);
      await check();
      kills.push((await generation(name, 1))!.position);
    }
    const { head } = await log.events.identity();
    process.stdout.write(`${name}: killed at positions ${kills.join(', ')} of ${head}\n`);
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
    for await (const page of log.events.readAll({ upTo: position, pageSize: 5_000 }))
      counted += page.events.length;
    return counted;
  }

  /** What is committed is exactly the events up to its checkpoint, wherever it was killed. */
  async function checkWhole(number: number, before: number): Promise<number> {
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
  { of = 'totals', until = 'ready' } = {},
): Promise<ChildProcess> {
  const worker = spawnWorker(path.join(__dirname, 'projection-crash.worker.ts'), [log, state, mode, of]);
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
