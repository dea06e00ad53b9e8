import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AuditFolder } from '@backstory/audit';
import { KeyRing } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import { spawnWorker } from '../support/spawn-worker.js';
import { LENGTH, makeLargeLog } from './large-log.js';

const EVENTS = 1_000_000 + 2 * LENGTH;
let base: string;
let file: string;

beforeAll(async () => {
  base = mkdtempSync(path.join(tmpdir(), 'backstory-audit-large-'));
  file = path.join(base, 'large.db');
  await makeLargeLog(file, 1_000_000);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

test('a million events are sealed and verified, killed and begun again, in memory that does not grow', async () => {
  const folder = await keyedFolder('audit');
  for (const stopAt of [150_000, 450_000]) await killed(folder, stopAt);
  expect(existsSync(path.join(folder, 'seals/next.part'))).toBe(true);
  const sealing = await answer('seal', folder);
  expect(sealing.events).toBe(EVENTS);
  expect(sealing.alive.length).toBeGreaterThanOrEqual(4);
  // The first sample is from before the thread that hashes had begun.
  expect(growth(sealing.alive)).toBeLessThan(12);
  expect(readdirSync(path.join(folder, 'seals'))).toEqual(['000001.seal']);
  const verifying = await answer('verify', folder);
  expect(verifying).toMatchObject({ ok: true, events: EVENTS });
  expect(verifying.alive).toHaveLength(10);
  expect(growth(verifying.alive)).toBeLessThan(12);
});

async function keyedFolder(name: string): Promise<string> {
  const folder = path.join(base, name);
  const pem = newPrivateKey();
  writeFileSync(`${folder}.pem`, pem);
  await new AuditFolder(folder).writeKeys(KeyRing.begin(readPrivateKey(pem), new Date()));
  return folder;
}

/** In MiB, from the first sample to the highest of the others. */
function growth([first, ...others]: readonly number[]): number {
  return Math.max(...others) - first!;
}

async function killed(folder: string, stopAt: number): Promise<void> {
  const worker = spawnWorker(path.join(__dirname, 'audit-large.worker.ts'), ['seal', file, folder]);
  worker.stdout!.resume();
  worker.stderr!.resume();
  const ended = once(worker, 'exit');
  worker.on('message', (through) => Number(through) >= stopAt && worker.kill('SIGKILL'));
  expect((await ended)[1]).toBe('SIGKILL');
  // The lease of whom was killed has to run out.
  await new Promise((over) => setTimeout(over, 10_500));
}

async function answer(task: string, folder: string) {
  const worker = spawnWorker(path.join(__dirname, 'audit-large.worker.ts'), [task, file, folder]);
  let [said, complaints] = ['', ''];
  worker.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  worker.stderr!.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const code = (await once(worker, 'close'))[0] as number | null;
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  return JSON.parse(said) as { events: number; ok?: boolean; alive: number[] };
}
