import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { follow, type EventStore, type StoredEvent } from '@backstory/core';
import { sqlite, type DriverName } from '@backstory/sqlite';
import { hasNodeSqlite } from '../support/has-node-sqlite.js';
import { seededRandom } from '../support/seeded-random.js';
import { spawnWorker } from '../support/spawn-worker.js';

interface Acknowledged {
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  readonly position: number;
}

const PROCESSES = 8;
const APPENDS = 1_000;
const seed = Number(process.env['BACKSTORY_TEST_SEED'] ?? Date.now() % 1_000_000);
const drivers: readonly DriverName[] = hasNodeSqlite() ? ['node:sqlite', 'libsql'] : ['libsql'];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'backstory-crash-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it(`8 processes append, half of them are killed: nothing acknowledged is lost, nothing comes twice (seed ${seed}, ${drivers.join(' and ')})`, async () => {
  const file = path.join(folder, 'shared.db');
  const storage = await sqlite(file, { driver: drivers[0]! }).open();
  const end = new AbortController();
  const following = followAll(storage.events, end.signal);
  const random = seededRandom(seed);
  const acknowledged = (
    await Promise.all(
      Array.from({ length: PROCESSES }, (_, i) => {
        const driver = drivers[i % drivers.length]!;
        const killedAfter = i % 2 === 0 ? undefined : 1 + Math.floor(random() * APPENDS * 0.9);
        return run(spawn([file, driver, `w${i}`, String(APPENDS), '4']), killedAfter);
      }),
    )
  ).flatMap(({ appends }) => appends);
  const { head } = await storage.events.identity();
  const followed = await following.upTo(head);
  end.abort();
  await following.ended;
  const log = await everything(storage.events);
  await storage.close();
  check({ log, followed, acknowledged });
  expect(acknowledged.length).toBeGreaterThan((PROCESSES / 2) * APPENDS);
});

it.each(drivers)(
  'with %s a process that waits for the lock of another goes on with everything else it does',
  async (driver) => {
    // In memory where there is such a place: how long a disk takes is not the question.
    const place = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/backstory-') : folder;
    try {
      const attempts: number[] = [];
      for (let attempt = 0; attempt < 4 && !attempts.some((ms) => ms <= 50); attempt++) {
        attempts.push(await longestFreeze(path.join(place, `${attempt}.db`), driver));
      }
      // A wait that blocks is there in every attempt, in which locks are waited for many times; what a noisy machine does is not.
      expect(Math.min(...attempts)).toBeLessThanOrEqual(50);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  },
);

/** Two processes append while a third, this one, takes the lock for 150 ms again and again. */
async function longestFreeze(file: string, driver: DriverName): Promise<number> {
  const storage = await sqlite(file, { driver }).open();
  const workers = ['a', 'b'].map((name) => run(spawn([file, driver, name, '300', '2']), undefined));
  let over = false;
  const done = Promise.all(workers).finally(() => (over = true));
  while (!over) {
    const holdLock = () => new Promise((resolve) => setTimeout(resolve, 150));
    await storage.state.transaction([], holdLock);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  await storage.close();
  return Math.max(...(await done).map(({ frozenMs }) => frozenMs));
}

function check({
  log,
  followed,
  acknowledged,
}: {
  log: StoredEvent[];
  followed: StoredEvent[];
  acknowledged: Acknowledged[];
}): void {
  expect(log.map(({ position }) => position)).toEqual(log.map((_, i) => i + 1));
  expect(new Set(log.map(({ id }) => id)).size).toBe(log.length);
  const versions = new Map<string, number>();
  for (const { stream, version } of log) {
    expect([stream, version]).toEqual([stream, (versions.get(stream) ?? 0) + 1]);
    versions.set(stream, version);
  }
  for (let i = 1; i < log.length; i++) {
    if (log[i]!.recordedAt < log[i - 1]!.recordedAt)
      throw new Error(`time falls at position ${log[i]!.position}`);
  }
  const byId = new Map(
    log.map(({ id, stream, version, position }) => [id, { id, stream, version, position }]),
  );
  expect(acknowledged.filter((it) => JSON.stringify(byId.get(it.id)) !== JSON.stringify(it))).toEqual([]);
  // What a follower was given before a commit would be missing here, or have become another event.
  expect(followed).toEqual(log);
}

/** Follows from the beginning, and keeps what it is given. */
function followAll(store: EventStore, signal: AbortSignal) {
  const given: StoredEvent[] = [];
  let through = 0;
  let notice = (): void => undefined;
  const ended = (async () => {
    for await (const page of follow(store, { signal })) {
      given.push(...page.events);
      through = page.through;
      notice();
    }
  })();
  const upTo = async (head: number): Promise<StoredEvent[]> => {
    while (through < head) await new Promise<void>((resolve) => (notice = resolve));
    return given;
  };
  return { ended, upTo };
}

async function everything(store: EventStore): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const page of store.readAll()) events.push(...page.events);
  return events;
}

function spawn(args: readonly string[]): ChildProcess {
  return spawnWorker(path.join(__dirname, 'sqlite-crash.worker.ts'), args);
}

/** Collects what a worker acknowledges, and kills it after so many, in the middle of whatever it does. */
async function run(worker: ChildProcess, killedAfter: number | undefined) {
  const appends: Acknowledged[] = [];
  let frozenMs = NaN;
  let complaints = '';
  worker.stderr!.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const ended = new Promise<void>((resolve) => worker.once('close', () => resolve()));
  for await (const line of createInterface(worker.stdout!)) {
    const [word, said] = line.split(/ (.*)/);
    if (word === 'acknowledged') appends.push(JSON.parse(said!) as Acknowledged);
    if (word === 'frozen') frozenMs = Number(said);
    if (appends.length === killedAfter) worker.kill('SIGKILL');
  }
  await ended;
  const expected = killedAfter === undefined ? [0, null] : [null, 'SIGKILL'];
  expect({ complaints, end: [worker.exitCode, worker.signalCode] }).toEqual({
    complaints: '',
    end: expected,
  });
  return { appends, frozenMs };
}
