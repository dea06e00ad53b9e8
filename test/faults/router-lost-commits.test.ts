import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Recorder, type OpenStorage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { SubscriptionAdmin, Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../support/bank-events.js';
import { eventually } from '../support/eventually.js';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { seededRandom } from '../support/seeded-random.js';
import { spawnWorker } from '../support/spawn-worker.js';
import { sqliteFiles } from '../support/sqlite-files.js';
import { openLine } from '../support/stalling-line.js';
import { watching } from '../support/subscribing.js';
import { storageOf } from './place.js';
import { seeds } from './seeds.js';

/** More of them off-line: `BACKSTORY_TEST_ROUNDS=30`. */
const ROUNDS = Number(process.env['BACKSTORY_TEST_ROUNDS'] ?? 6);
const [seed] = seeds();

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server.stop());
const files = sqliteFiles();

it(`every tenth transaction is committed and its answer lost with the connection: nothing is done twice, missed or parked (seed ${seed})`, async () => {
  const random = seededRandom(seed!);
  const url = await server.createDatabase();
  const line = await openLine(url);
  const storage = await files.opened(postgres(url).open());
  const { state } = await files.opened(postgres(line.url).open());
  const recorder = new Recorder(storage.events, { source: 'test' });
  const subscriptions = new Subscriptions({ events: storage.events, state, recorder });
  let lost = 0;
  line.loseAnswers((sent) => {
    const isLost = sent.includes('fence_after') && random() < 0.1;
    if (isLost) lost++;
    return isLost;
  });
  const watcher = watching(
    'fraud',
    async (_event, recorded, delivery) => {
      await delivery.once(recorded, async (tx) => {
        const known = (await tx.get('done', recorded.stream)) ?? '';
        await tx.put('done', recorded.stream, `${known}${recorded.version} `);
      });
      if (recorded.version === 2 && delivery.attempt === 1) throw new Error('after the effect');
    },
    { breaker: { keys: 1_000, probeMs: 5, maxProbeMs: 5 }, checkpointMs: 20, outcomes: 'all' },
  );
  await subscriptions.add(watcher);
  const record = recording(storage.events);
  for (let i = 0; i < 60; i++) await record(String(i), ...[1, 2, 3].map((it) => new Deposited(it)));
  const { head } = await storage.events.identity();
  const desk = new SubscriptionAdmin({ ...storage, recorder });
  await eventually(async () => (await desk.status('fraud')).lag.seconds === 0);
  line.loseAnswers(() => false);
  await desk.handled('fraud', head);
  await subscriptions.close();
  const done = await storage.state.read((view) => view.list('done'));
  expect(done.map(({ value }) => value)).toEqual(Array(60).fill('1 2 3 '));
  expect(await desk.parked('fraud')).toEqual([]);
  expect(await desk.accountFor('fraud')).toEqual({ examined: 180, missing: 0 });
  expect(lost).toBeGreaterThan(10);
  await line.close();
}, 180_000);

describe.each([
  ['SQLite', async () => files.newFile()],
  ['PostgreSQL', () => server.createDatabase()],
])('on %s', (_, newPlace) => {
  const KEYS = 40;
  const VERSIONS = 12;
  const ASKED = 200;
  /** What edited events tell: which one is meant is decided when it is asked for. */
  const EDITED = -1;
  let place: string;
  let store: OpenStorage;
  let admin: SubscriptionAdmin;
  beforeEach(async () => {
    place = await newPlace();
    store = await files.opened(storageOf(place).open());
    admin = new SubscriptionAdmin({ ...store, recorder: new Recorder(store.events, { source: 'test' }) });
  });

  it(
    `owners die between a commit and its answer, ${2 * ROUNDS} of them, while what is parked is edited, retried, skipped and discarded: each event is done once, or left out as it was asked and done once with a replay (seed ${seed})`,
    async () => {
      const random = seededRandom(seed!);
      await recordAll();
      for (let round = 0; round < ROUNDS; round++) await lives(random);
      await store.state.transaction([], (tx) => tx.put('world', 'repaired', 'yes'));
      const last = started(0);
      await eventually(async () => {
        const status = await admin.status('watch').catch(() => undefined);
        if (status?.parked.dead) await admin.retry('watch', 'all', { actor: 'ann' });
        const { retrying = 1, dead = 1, draining = 1 } = status?.parked ?? {};
        return retrying + dead + draining === 0 && status?.lag.seconds === 0;
      });
      last.kill('SIGKILL');
      await expectDoneOrLeftOut();
    },
    120_000 + ROUNDS * 20_000,
  );

  /** Two processes until they have ended themselves, which hand over partitions and take them over, and what is asked of them meanwhile. */
  async function lives(random: () => number): Promise<void> {
    const owners = [1, 2].map(() => started(20 + Math.floor(random() * 200)));
    let isAlive = true;
    const gone = Promise.all(owners.map((it) => once(it, 'exit'))).then(() => (isAlive = false));
    for (let asked = 0; isAlive; asked++) {
      await Promise.race([gone, askSomething(random)]);
      await Promise.race([gone, new Promise((turn) => setTimeout(turn, 5))]);
      // There may be less to do than it would end itself after.
      if (asked === ASKED) for (const owner of owners) owner.kill('SIGKILL');
    }
  }

  function started(commits: number): ChildProcess {
    const owner = spawnWorker(path.join(__dirname, 'router-mortal.worker.ts'), [place, String(commits)]);
    owner.stderr!.pipe(process.stderr);
    return owner;
  }

  async function askSomething(random: () => number): Promise<void> {
    const parked = await admin.parked('watch').catch(() => []);
    const it = parked[Math.floor(random() * parked.length)];
    if (!it) return;
    const by = { actor: 'ann' };
    const { key } = it;
    const asked = [
      () => admin.retry('watch', { key }, by),
      () => admin.skip('watch', { key }, by),
      () => admin.discard('watch', { key }, by),
      () => admin.edit('watch', { key, data: JSON.stringify({ n: EDITED, isPoison: false }) }, by),
    ][Math.floor(random() * 4)]!;
    // It may have been released meanwhile.
    await asked().catch(() => undefined);
  }

  async function recordAll(): Promise<void> {
    const recorder = new Recorder(store.events, { source: 'test' });
    for (let version = 1; version <= VERSIONS; version++)
      await recorder.record(
        Array.from({ length: KEYS }, (_, i) => ({
          stream: `thing-${String(i).padStart(2, '0')}`,
          expected: 'any' as const,
          events: [
            { type: 'thing.happened', data: JSON.stringify({ n: version, isPoison: version % 2 === 0 }) },
          ],
        })),
      );
  }

  async function expectDoneOrLeftOut(): Promise<void> {
    const asked = await requests();
    const rows = await store.state.read((view) => view.list('backstory.subscriptions/watch/left-out'));
    const leftOut = rows.map(({ value }) => JSON.parse(value) as LeftOut);
    for (const { action, key, from } of leftOut)
      expect(asked).toContainEqual(expect.objectContaining({ action, key, position: from }));
    const [before, after] = [await noted('before'), await noted('after')];
    for await (const page of store.events.readAll())
      for (const { stream: key, version, position } of page.events) {
        const left = leftOut.find((it) => it.key === key && it.from <= position && position <= it.upTo);
        const isEdited = asked.some(
          (it) => it.action === 'edit' && it.key === key && it.position === position,
        );
        const told = [`${version}:${version}`, ...(isEdited ? [`${version}:${EDITED}`] : [])];
        for (const notes of [before.get(key) ?? [], after.get(key) ?? []])
          expect(notes.filter((it) => it.startsWith(`${version}:`) && !told.includes(it))).toEqual([]);
        const times = [before, after].map(
          (notes) => told.filter((it) => notes.get(key)?.includes(it)).length,
        );
        if (!left) expect({ key, version, times }).toEqual({ key, version, times: [1, 1] });
        // A process may have died after it had done it, and before anybody could know.
        else
          expect({ key, version, done: times[0]! + times[1]! }).toEqual({
            key,
            version,
            done: doneOf(left, position),
          });
      }
    for (const notes of [...before.values(), ...after.values()]) {
      const versions = notes.map((it) => Number(it.split(':')[0]));
      expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    }
    process.stdout.write(`${asked.length} requests, ${leftOut.length} left out\n`);
  }

  async function noted(where: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const rows = await store.state.read((view) => view.list(where));
    return new Map(rows.map(({ key, value }) => [key, value.trim().split(' ')]));
  }

  async function requests(): Promise<readonly Request[]> {
    const all: Request[] = [];
    for await (const page of store.events.readStream('_system-watch'))
      for (const { type, data } of page.events)
        if (type === 'subscription.request') all.push(JSON.parse(data) as Request);
    return all;
  }
});

function doneOf({ done }: LeftOut, position: number): number {
  return done.filter((mark) => Number(mark.split('/')[1]) === position).length;
}

interface LeftOut {
  readonly action: string;
  readonly key: string;
  readonly from: number;
  readonly upTo: number;
  /** Marks of what was done before. */
  readonly done: readonly string[];
}

interface Request {
  readonly action: string;
  readonly key: string;
  readonly position: number;
}
