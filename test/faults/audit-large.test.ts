import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AuditFolder } from '@backstory/audit';
import { KeyRing } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import { postgres } from '@backstory/postgres';
import { stamped } from '../bench/payload.js';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { spawnWorker } from '../support/spawn-worker.js';
import { LENGTH, makeLargeLog } from './large-log.js';

const EVENTS = 1_000_000 + 2 * LENGTH;
let base: string;

beforeAll(() => void (base = mkdtempSync(path.join(tmpdir(), 'backstory-audit-large-'))));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test('a million events are sealed and verified, killed and begun again, in memory that does not grow', async () => {
  const file = path.join(base, 'large.db');
  await makeLargeLog(file, 1_000_000);
  const folder = await keyedFolder('audit');
  for (const stopAt of [150_000, 450_000]) await killed(file, folder, stopAt);
  expect(existsSync(path.join(folder, 'seals/next.part'))).toBe(true);
  const sealing = await answer('seal', file, folder);
  expect(sealing.events).toBe(EVENTS);
  expect(sealing.alive.length).toBeGreaterThanOrEqual(20);
  expectFlat(sealing.alive);
  expect(readdirSync(path.join(folder, 'seals'))).toEqual(['000001.seal']);
  const verifying = await answer('verify', file, folder);
  expect(verifying).toMatchObject({ ok: true, events: EVENTS });
  expect(verifying.alive).toHaveLength(50);
  expectFlat(verifying.alive);
});

describe('on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => void (server = await startPostgres()));
  afterAll(() => server?.stop());

  test('half a million events are sealed and verified in memory that does not grow', async () => {
    const url = await server.createDatabase();
    const storage = await postgres(url).open();
    for (let version = 0; version < 5_000; version += 10) {
      const writes = Array.from({ length: 100 }, (_, stream) => ({
        stream: `account-${stream}`,
        expected: version,
        events: stamped(version, 10),
      }));
      await storage.events.append(writes);
    }
    await storage.close();
    const folder = await keyedFolder('postgres');
    const sealing = await answer('seal', url, folder);
    expect(sealing.events).toBe(500_000);
    expect(sealing.alive).toHaveLength(25);
    expectFlat(sealing.alive);
    const verifying = await answer('verify', url, folder);
    expect(verifying).toMatchObject({ ok: true, events: 500_000 });
    expect(verifying.alive).toHaveLength(25);
    expectFlat(verifying.alive);
  });
});

async function keyedFolder(name: string): Promise<string> {
  const folder = path.join(base, name);
  const pem = newPrivateKey();
  writeFileSync(`${folder}.pem`, pem);
  await new AuditFolder(folder).writeKeys(KeyRing.begin(readPrivateKey(pem), new Date()));
  return folder;
}

/** What is on its way comes and goes: what stays is the least of some samples, and does not grow. In MiB. */
function expectFlat(alive: readonly number[]): void {
  const half = Math.floor(alive.length / 2);
  const growth = Math.min(...alive.slice(half)) - Math.min(...alive.slice(0, half));
  expect(growth).toBeLessThan(4);
  expect(Math.max(...alive)).toBeLessThan(96);
}

async function killed(file: string, folder: string, stopAt: number): Promise<void> {
  const worker = spawnWorker(path.join(__dirname, 'audit-large.worker.ts'), ['seal', file, folder]);
  worker.stdout!.resume();
  worker.stderr!.resume();
  const ended = once(worker, 'exit');
  worker.on('message', (through) => Number(through) >= stopAt && worker.kill('SIGKILL'));
  expect((await ended)[1]).toBe('SIGKILL');
  // The lease of whom was killed has to run out.
  await new Promise((over) => setTimeout(over, 10_500));
}

async function answer(task: string, file: string, folder: string) {
  const worker = spawnWorker(path.join(__dirname, 'audit-large.worker.ts'), [task, file, folder]);
  let [said, complaints] = ['', ''];
  worker.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  worker.stderr!.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const code = (await once(worker, 'close'))[0] as number | null;
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  return JSON.parse(said) as { events: number; ok?: boolean; alive: number[] };
}
