import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnWorker } from '../support/spawn-worker.js';
import { LENGTH, makeLargeLog } from './large-log.js';

let folder: string;
let small: string;
let large: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'backstory-large-'));
  small = path.join(folder, 'small.db');
  large = path.join(folder, 'large.db');
  await makeLargeLog(small, 1_000);
  await makeLargeLog(large, 1_000_000);
  // What a process loads to warm up, before it counts.
  for (const file of [small, large]) await makeLargeLog(`${file}.small`, 1_000);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Only Linux counts what a process reads.
if (existsSync('/proc/self/io')) {
  test('loading an aggregate reads no more pages among a million events of others than among a thousand', async () => {
    const among = { thousand: await loaded(small), million: await loaded(large) };
    // Two trees are walked, the stream's index and the table, and either may have become a level deeper or two. The events
    // begin somewhere in a page, hence one more of each.
    expect(among.million.together - among.thousand.together).toBeLessThanOrEqual(6);
    expect(among.thousand.together).toBeGreaterThan(LENGTH / 50);
    // At worst each event is in a page of its own, and below a page of its own: as much as the stream is long.
    expect(among.million.scattered).toBeLessThanOrEqual(2 * LENGTH);
    // It is reading that is counted: what lies scattered cannot be had for less.
    expect(among.million.scattered).toBeGreaterThan(LENGTH);
  });
}

test('a million events are followed, and no more is alive after the last of them than after the first', async () => {
  const { events, alive } = await followed('let go');
  expect(events).toBe(1_000_000 + 2 * LENGTH);
  expect(alive).toHaveLength(10);
  expect(growth(alive)).toBeLessThan(2);
});

test('what a follower keeps is seen', async () => {
  const { alive, kept } = await followed('hoard');
  expect(kept).toBe(1_000_000 + 2 * LENGTH);
  expect(growth(alive)).toBeGreaterThan(20);
});

test('a projection of 100,000 documents is built, and no more is alive in the end than once its memory is full', async () => {
  const { documents, alive } = await rebuilt('let go', 1);
  expect(documents).toBeGreaterThan(100_000);
  expect(alive).toHaveLength(10);
  // What is kept of the documents is between half of what may be and all of it.
  expect(growth(alive.slice(2))).toBeLessThan(12);
});

test('what is kept of each event while a projection is built is seen', async () => {
  const { alive } = await rebuilt('hoard', 2);
  expect(growth(alive.slice(2))).toBeGreaterThan(30);
});

/** Of a copy of the log, for it writes into it. */
async function rebuilt(how: string, copy: number): Promise<{ documents: number; alive: number[] }> {
  const file = path.join(folder, `built-${copy}.db`);
  copyFileSync(large, file);
  return (await answerOf('rebuild', file, how)) as { documents: number; alive: number[] };
}

test('a restore keeps no more of the last events than of the first', async () => {
  const { events, alive } = (await answerOf('restore', path.join(folder, 'restored.db'))) as Followed;
  expect(events).toBe(400_000);
  expect(alive).toHaveLength(4);
  expect(growth(alive)).toBeLessThan(2);
});

/** In MiB, from the first sample to the highest of the others. */
function growth([first, ...others]: readonly number[]): number {
  return (Math.max(...others) - first!) / 2 ** 20;
}

async function loaded(file: string): Promise<{ together: number; scattered: number }> {
  const { versions, ...reads } = (await answerOf('load', file)) as {
    versions: number[];
    together: number;
    scattered: number;
  };
  expect(versions).toEqual([LENGTH, LENGTH]);
  return reads;
}

interface Followed {
  readonly events: number;
  readonly alive: number[];
  readonly kept: number;
}

async function followed(how: string): Promise<Followed> {
  return (await answerOf('follow', large, how)) as Followed;
}

async function answerOf(...args: string[]): Promise<unknown> {
  const worker = spawnWorker(path.join(__dirname, 'large-log.worker.ts'), args);
  let said = '';
  let complaints = '';
  worker.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  worker.stderr!.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => worker.once('close', resolve));
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  return JSON.parse(said);
}
