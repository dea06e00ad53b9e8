import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { OpenStorage } from '@backstory/core';
import { checkAppend } from '@backstory/core/store';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import { Client } from 'pg';
import { appendStatement } from '../../packages/postgres/src/append-batch.js';
import { schemaSql } from '../../packages/postgres/src/schema.js';
import { sessionOn } from '../../packages/postgres/src/session.js';
import { PostgresCluster, queryAt } from '../support/postgres-cluster.js';
import { openLine, type Line } from '../support/stalling-line.js';
import { violationsOf } from './postgres-checker.js';
import { faultEvent, type FollowerPlan, type Seen } from './postgres-evidence.js';
import { Worker, rowsAt, sleep } from './postgres-load.js';

const FOLLOWERS: readonly Omit<FollowerPlan, 'url' | 'file'>[] = [
  { name: 'listening', notify: true },
  { name: 'polling', notify: false },
  // It sees none of the events that are lost, and would miss one of those that come in their place.
  { name: 'rare', notify: true, types: ['rare'] },
];

interface Following {
  readonly plan: FollowerPlan & { readonly file: string };
  readonly worker: Worker;
  /** How far it has said that it is. */
  through: number;
  diverged: string | undefined;
}

let folder: string;
let cluster: PostgresCluster;
let line: Line;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'backstory-failover-'));
  cluster = await PostgresCluster.create({ durable: true });
  closing.push(() => cluster.remove());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

/** Followers over the line, each with its checkpoint in a file of its own, which no failover takes back. */
function startFollowers(): Following[] {
  return FOLLOWERS.map((it) => {
    const plan = { ...it, url: line.url, file: path.join(folder, `${it.name}.db`) };
    const following: Following = {
      plan,
      through: 0,
      diverged: undefined,
      worker: new Worker('postgres-follower.worker.ts', plan, (said) => Object.assign(following, said)),
    };
    closing.push(() => following.worker.kill());
    return following;
  });
}

async function open(url: string): Promise<OpenStorage> {
  const storage = await postgres(url).open();
  closing.push(() => storage.close());
  return storage;
}

async function record({ events }: OpenStorage, ...types: string[]): Promise<void> {
  for (const type of types)
    await events.append([{ stream: 'a-1', expected: 'any', events: [faultEvent(type, 0)] }]);
}

const noted = (count: number) => Array.from({ length: count }, () => 'noted');

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await isSo()); await sleep(20))
    if (Date.now() > deadline) throw new Error(`Not so within 60 s: ${what}`);
}

const allAt = (followers: readonly Following[], head: number) =>
  until(`every follower is at ${head}`, () => followers.every(({ through }) => through === head));

const headAt = async (url: string) => (await rowsAt(url)).length;

async function seenBy({ plan: { file, name } }: Following): Promise<Seen[]> {
  const { state, close } = await sqlite(file).open();
  try {
    const entries = await state.read((view) => view.list(`seen ${name}`, { limit: 100_000 }));
    return entries.map(({ value }) => JSON.parse(value) as Seen);
  } finally {
    await close();
  }
}

/** All have stopped and say so, having been given nothing of what came in place of what was lost. */
async function allDiverged(followers: readonly Following[], seenBefore: readonly Seen[][]): Promise<void> {
  await until('every follower has stopped', () => followers.every(({ diverged }) => diverged !== undefined));
  expect(await Promise.all(followers.map(seenBy))).toEqual(seenBefore);
}

/** After `adopt` they go on from where the logs part, and end with exactly what is stored. */
async function goOnAfterAdopt(followers: readonly Following[], url: string): Promise<void> {
  const storage = await open(url);
  const { epoch, epochStart } = await storage.events.adopt();
  expect(epoch).toBe(2);
  for (const { worker } of followers) worker.tell('go on');
  await record(storage, ...noted(3), 'rare', ...noted(3));
  await allAt(followers, epochStart + 7);
  const seen = await Promise.all(
    followers.map(async (it) => ({ ...it.plan, types: it.plan.types, seen: await seenBy(it) })),
  );
  expect(violationsOf({ rows: await rowsAt(url), answers: [], ledger: [], followers: seen })).toEqual([]);
}

test.each(['after an outage', 'without a moment of outage'])(
  'a standby that lacks the last events is promoted %s: followers stop, and go on after adopt',
  async (how) => {
    const standby = await cluster.standby();
    await cluster.start();
    await standby.start();
    const url = await cluster.createDatabase();
    const there = standby.url(new URL(url).pathname.slice(1));
    line = await openLine(url);
    closing.push(() => line.close());
    const storage = await open(url);
    const followers = startFollowers();
    await record(storage, ...noted(5), 'rare', ...noted(5));
    await until('the standby has it all', async () => (await headAt(there).catch(() => 0)) === 11);
    await standby.cutOff();
    await record(storage, ...noted(10));
    await allAt(followers, 21);
    expect(await headAt(there)).toBe(11);
    const seen = await Promise.all(followers.map(seenBy));

    if (how === 'after an outage') await cluster.kill();
    await standby.promote();
    // More than was lost: the log is longer than when they last looked.
    await record(await open(there), ...noted(5), 'rare', ...noted(14));
    line.pointTo(there);

    await allDiverged(followers, seen);
    await goOnAfterAdopt(followers, there);
  },
);

test.each([
  ['an append', async ({ events }: OpenStorage) => void (await events.append(NOTED))],
  [
    'a transaction of an application',
    async (storage: OpenStorage, url: string) => {
      const client = new Client({ connectionString: url });
      client.on('error', () => undefined);
      await client.connect();
      closing.push(() => client.end());
      const transaction = await storage.within!(client, 'noted');
      void transaction?.append(NOTED).catch(() => undefined);
      await transaction?.commit();
    },
  ],
])('%s that is sent again is acknowledged no sooner than the standby has it', async (_, send) => {
  await cluster.start();
  const url = await cluster.createDatabase();
  const first = await postgres(url).open();
  await send(first, url);
  await first.close();
  await queryAt(cluster.url(), `alter system set synchronous_standby_names = '*'`);
  await cluster.kill();
  await cluster.start();

  const storage = await open(url);
  let told = false;
  const again = send(storage, url).finally(() => (told = true));
  const waiting = `select 1 from pg_stat_activity where wait_event = 'SyncRep'`;
  const isWaiting = async () => (await queryAt(cluster.url(), waiting)).length > 0;
  await until('it waits, or is told', async () => (await isWaiting()) || told);
  expect(told).toBe(false);
  await queryAt(cluster.url(), 'alter system reset synchronous_standby_names');
  await queryAt(cluster.url(), 'select pg_reload_conf()');
  await again;
  expect(await storage.events.identity()).toMatchObject({ head: 1 });
});

const NOTED = [{ stream: 'a-1', expected: 'any' as const, events: [faultEvent('noted', 0)] }];

test('a transaction that is cut off between its append and its commit keeps others out for seconds, not hours', async () => {
  await cluster.start();
  const url = await cluster.createDatabase();
  line = await openLine(url);
  closing.push(() => line.close());
  const storage = await open(url);
  const client = new Client({ connectionString: line.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin');
  const batch = [checkAppend([{ stream: 'a-1', expected: 'any', events: [faultEvent('lost', 0)] }])];
  await sessionOn(client, { prepare: false })(appendStatement('"backstory"', batch));
  line.stall();
  // It waits for an answer for 30 s.
  await record(storage, 'noted');
  expect((await rowsAt(url)).map(({ type }) => type)).toEqual(['noted']);
});

test('an older dump is restored under followers: they stop, and go on after adopt', async () => {
  await cluster.start();
  const url = await cluster.createDatabase();
  line = await openLine(url);
  closing.push(() => line.close());
  const storage = await open(url);
  const followers = startFollowers();
  await record(storage, ...noted(5), 'rare', ...noted(5));
  const restore = await dump(url);
  await record(storage, ...noted(10));
  await allAt(followers, 21);
  const seen = await Promise.all(followers.map(seenBy));

  // Nobody ever sees the shorter log.
  const client = new Client({ connectionString: url });
  await client.connect();
  closing.push(() => client.end());
  await client.query(`begin; drop schema backstory cascade; ${restore}`);
  for (const type of [...noted(5), 'rare', ...noted(14)]) {
    const batch = [checkAppend([{ stream: 'a-1', expected: 'any', events: [faultEvent(type, 0)] }])];
    await sessionOn(client, { prepare: false })(appendStatement('"backstory"', batch));
  }
  await client.query('commit');

  await allDiverged(followers, seen);
  await goOnAfterAdopt(followers, url);
});

/** SQL that makes the schema as it is now: by pg_dump where the server comes with it, else in the same way by hand. */
async function dump(url: string): Promise<string> {
  const tool = cluster.tool('pg_dump');
  if (tool !== undefined) {
    const sql = String(execFileSync(tool, ['--inserts', '--schema=backstory', '--dbname', url]));
    // What only psql knows, and what would outlive the transaction.
    return sql
      .replace(/^\\.*$/gm, '')
      .replace(/^SELECT pg_catalog.set_config\('search_path'.*$/m, `set local search_path = '';`);
  }
  await queryAt(
    url,
    'create table kept_meta as table backstory.meta; create table kept_events as table backstory.events',
  );
  return `create schema backstory; ${schemaSql('backstory')};
    insert into backstory.meta table kept_meta; insert into backstory.events table kept_events;`;
}
