import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { Recorder, type OpenStorage } from '@backstory/core';
import { SubscriptionAdmin } from '@backstory/router';
import { eventually } from '../support/eventually.js';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { seededRandom } from '../support/seeded-random.js';
import { spawnWorker } from '../support/spawn-worker.js';
import { sqliteFiles } from '../support/sqlite-files.js';
import { storageOf } from './place.js';
import { seeds } from './seeds.js';

/** More of them off-line: `BACKSTORY_TEST_ROUNDS=30`. */
const ROUNDS = Number(process.env['BACKSTORY_TEST_ROUNDS'] ?? 6);
const PROCESSES = 3;
const STREAMS = 100;
const [seed] = seeds();

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server.stop());
const files = sqliteFiles();

describe.each([
  ['SQLite', async () => files.newFile()],
  ['PostgreSQL', () => server.createDatabase()],
])('on %s', (_, newPlace) => {
  let place: string;
  let store: OpenStorage;
  let admin: SubscriptionAdmin;
  let versions: Map<string, number>;
  const owners: ChildProcess[] = [];
  beforeEach(async () => {
    place = await newPlace();
    store = await files.opened(storageOf(place).open());
    const recorder = new Recorder(store.events, { source: 'test' });
    admin = new SubscriptionAdmin({ ...store, recorder });
    versions = new Map();
    for (let i = 0; i < PROCESSES; i++) owners.push(await started());
    await eventually(async () => (await admin.status('watch')).members.length === PROCESSES);
  });
  afterEach(() => {
    for (const owner of owners.splice(0)) owner.kill('SIGKILL');
  });

  it(
    `${PROCESSES} processes, ${ROUNDS} rounds in which an owner is killed or stopped: taken over in time, nothing missed, nothing done twice (seed ${seed})`,
    async () => {
      const random = seededRandom(seed!);
      const waits: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const victim = owners[Math.floor(random() * PROCESSES)]!;
        const isKilled = random() < 0.5;
        await recordEverywhere();
        if (isKilled) victim.kill('SIGKILL');
        else await stopped(victim);
        const began = performance.now();
        await recordEverywhere();
        await handled();
        waits.push(Math.round(performance.now() - began));
        // The one that was stopped wakes up, and may believe that everything is as it was.
        if (!isKilled) victim.kill('SIGCONT');
        else owners[owners.indexOf(victim)] = await started();
      }
      await recordEverywhere();
      await handled();
      await settled();
      expect(await effects()).toEqual(new Map([...versions].map(([stream, n]) => [stream, upTo(n)])));
      expect(await admin.parked('watch')).toEqual([]);
      process.stdout.write(`handled by others after ${waits.join(', ')} ms\n`);
      // A busy machine may make one of them late; takeover that does not work makes them all.
      expect(waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(5_000);
    },
    60_000 + ROUNDS * 20_000,
  );

  it(`owners are killed in the middle of a replay: it ends, and everything is done once again (seed ${seed})`, async () => {
    const random = seededRandom(seed! + 1);
    for (let i = 0; i < 20; i++) await recordEverywhere();
    await handled();
    await settled();
    const { head } = await store.events.identity();
    await admin.replay('watch', { from: 1, to: head, again: true }, { actor: 'ann' });
    for (let kills = 0; kills < 3; kills++) {
      const before = await countDone();
      // Nothing is killed at rest.
      await eventually(async () => (await countDone()) > before);
      const victim = Math.floor(random() * PROCESSES);
      owners[victim]!.kill('SIGKILL');
      owners[victim] = await started();
    }
    const twice = new Map([...versions].map(([stream, n]) => [stream, `${upTo(n)} ${upTo(n)}`]));
    // A request goes when the owner of its partition has carried it out.
    const requests = 'backstory.subscriptions/watch/replays';
    await eventually(async () => (await store.state.read((view) => view.count(requests))) === 0, 120_000);
    await settled();
    expect(await effects()).toEqual(twice);
  }, 300_000);

  async function started(): Promise<ChildProcess> {
    const owner = spawnWorker(path.join(__dirname, 'router-owner.worker.ts'), [place]);
    owner.stderr!.pipe(process.stderr);
    for await (const line of createInterface(owner.stdout!)) if (line === 'ready') return owner;
    throw new Error('The process ended before it was ready.');
  }

  /** Not in the middle of a transaction of a SQLite file, which nobody could write to for as long. */
  async function stopped(owner: ChildProcess): Promise<void> {
    for (;;) {
      owner.kill('SIGSTOP');
      const isFree = store.state.transaction([], async () => true);
      if (await Promise.race([isFree, wait(500).then(() => false)])) return;
      owner.kill('SIGCONT');
      await isFree;
    }
  }

  /** One more event on every stream. */
  async function recordEverywhere(): Promise<void> {
    const recorder = new Recorder(store.events, { source: 'test' });
    const writing = Array.from({ length: STREAMS }, async (_, i) => {
      const stream = `thing-${i}`;
      const version = (versions.get(stream) ?? 0) + 1;
      versions.set(stream, version);
      const data = JSON.stringify({ n: version * 31 + i });
      await recorder.record([{ stream, expected: 'any', events: [{ type: 'thing.happened', data }] }]);
    });
    await Promise.all(writing);
  }

  async function effects(): Promise<Map<string, string>> {
    const rows = await store.state.read((view) => view.list('seen', { limit: 10_000 }));
    return new Map(rows.map(({ key, value }) => [key, value.trim()]));
  }

  async function countDone(): Promise<number> {
    return [...(await effects()).values()].reduce((sum, it) => sum + it.split(' ').length, 0);
  }

  /** Until the last event of every stream has had its effect. */
  async function handled(): Promise<void> {
    await eventually(async () => {
      const seen = await effects();
      return [...versions].every(
        ([stream, version]) => seen.get(stream)?.split(' ').at(-1) === String(version),
      );
    });
  }

  async function settled(): Promise<void> {
    await eventually(async () => {
      const { parked, lag } = await admin.status('watch');
      return parked.retrying + parked.dead + parked.draining === 0 && lag.seconds === 0;
    });
  }
});

function upTo(n: number): string {
  return Array.from({ length: n }, (_, i) => i + 1).join(' ');
}
