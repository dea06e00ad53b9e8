import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { queryAt, type PostgresCluster } from '../support/postgres-cluster.js';
import { seededRandom } from '../support/seeded-random.js';
import { spawnWorker } from '../support/spawn-worker.js';
import { openLine, type Line } from '../support/stalling-line.js';
import { violationsOf } from './postgres-checker.js';
import type { Answer, FollowerPlan, Row, Seen, WriterPlan } from './postgres-evidence.js';

export interface LoadOptions {
  /** To be restarted. */
  readonly cluster?: PostgresCluster;
  /** Of a database that holds a store's schema. */
  readonly url: string;
  readonly seed: number;
  readonly ms: number;
  readonly processes?: number;
  readonly writers?: number;
  /** How often the server is restarted as after a crash. Default 1. */
  readonly restarts?: number;
  /** `false`: nothing is killed or cut off. */
  readonly disturbed?: boolean;
  /** The part of appends that take their time before they commit. Default 0.01. */
  readonly dawdles?: number;
  /** Ends at the first thing that is wrong in the log. */
  readonly untilWrong?: boolean;
}

export interface Figures {
  readonly acknowledged: number;
  readonly refused: number;
  readonly events: number;
  readonly killed: number;
  readonly terminated: number;
  readonly restarts: number;
  readonly stalls: number;
  readonly seconds: number;
}

/** Runs writers and followers in processes of their own while everything is disturbed, and checks what came of it. */
export async function underLoad(options: LoadOptions): Promise<{ violations: string[]; figures: Figures }> {
  const load = new Load(options);
  try {
    return await load.run();
  } finally {
    await load.end();
  }
}

const FOLLOWERS: readonly Omit<FollowerPlan, 'url'>[] = [
  { name: 'first', notify: true },
  { name: 'first', notify: true },
  { name: 'polling', notify: false },
  { name: 'stalled', notify: true },
  { name: 'rare', notify: true, types: ['rare'] },
];

class Load {
  private readonly random: () => number;
  private readonly answers: Answer[] = [];
  private readonly writers = new Map<number, Worker>();
  private readonly followers = new Map<number, Worker>();
  private readonly disturbed = { killed: 0, terminated: 0, restarts: 0, stalls: 0 };
  private lines: Line[] = [];
  private unrelated: Client | undefined;
  private readonly began = Date.now();

  constructor(private readonly options: LoadOptions) {
    this.random = seededRandom(options.seed);
  }

  async run(): Promise<{ violations: string[]; figures: Figures }> {
    const { url, processes = 8, ms, disturbed = true, untilWrong } = this.options;
    await queryAt(url, 'create table ledger (name text); create table unrelated (n int)');
    await this.holdUnrelated();
    this.lines = await Promise.all([openLine(url), openLine(url)]);
    for (let i = 0; i < FOLLOWERS.length; i++) this.startFollower(i);
    for (let i = 0; i < processes; i++) this.startWriter(i);
    await Promise.all([...this.writers.values()].map((it) => it.began));
    const deadline = Date.now() + ms;
    const restarts = this.momentsOfRestarts(deadline - ms, ms);
    while (Date.now() < deadline) {
      if (untilWrong && (await this.wrongSoFar()).length > 0) break;
      if (restarts[0] !== undefined && Date.now() > restarts[0]) {
        restarts.shift();
        await this.restart();
      } else if (disturbed) await this.disturb();
      await sleep(20 + this.random() * 150);
    }
    return this.conclude();
  }

  /** Of the rows and of what was answered before they were read. What else there is changes meanwhile. */
  private async wrongSoFar(): Promise<string[]> {
    const answers = this.answers.map((it): Answer => {
      if (it.kind !== 'acknowledged') return it;
      const { transaction: _, ...rest } = it;
      return rest;
    });
    const rows = await rowsAt(this.options.url);
    return violationsOf({ rows, answers, ledger: [], followers: [] });
  }

  /** Stops what writes, lets the followers come to the end, and only then lets go of the unrelated transaction. */
  private async conclude(): Promise<{ violations: string[]; figures: Figures }> {
    for (const line of this.lines) line.restore();
    const stuck = await this.stopWriters();
    const wrong = this.options.untilWrong ? await this.wrongSoFar() : [];
    if (wrong.length > 0) return { violations: wrong, figures: this.figures(0) };
    const behind = await this.followersBehind();
    const { url } = this.options;
    const rows = await rowsAt(url);
    const ledger = (await queryAt(url, 'select name from ledger')).map(({ name }) => name as string);
    const names = [...new Map(FOLLOWERS.map((it) => [it.name, it])).values()];
    const followers = await Promise.all(
      names.map(async ({ name, types }) => ({ name, types, seen: await seenBy(url, name) })),
    );
    const complaints = [...this.writers.values(), ...this.followers.values()].flatMap((it) =>
      it.complaints(),
    );
    const violations = violationsOf({ rows, answers: this.answers, ledger, followers });
    return {
      violations: [...stuck, ...behind, ...complaints, ...violations],
      figures: this.figures(rows.length),
    };
  }

  private figures(events: number): Figures {
    const count = (kind: Answer['kind']) => this.answers.filter((it) => it.kind === kind).length;
    return {
      acknowledged: count('acknowledged'),
      refused: count('refused'),
      events,
      ...this.disturbed,
      seconds: Math.round((Date.now() - this.began) / 1_000),
    };
  }

  async end(): Promise<void> {
    for (const worker of [...this.writers.values(), ...this.followers.values()]) await worker.kill();
    await this.unrelated?.end().catch(() => undefined);
    for (const line of this.lines) await line.close();
  }

  private startWriter(i: number): void {
    const { writers = 16 } = this.options;
    const seed = Math.floor(this.random() * 2 ** 31);
    const { url, dawdles = 0.01 } = this.options;
    // Not over a line that goes dead: nobody could append until it is restored.
    const plan: WriterPlan = {
      url: this.wayOf(i),
      seed,
      writers,
      dawdles: this.wayOf(i) === url ? dawdles : 0,
    };
    const worker = new Worker('postgres-writer.worker.ts', plan, (line) => this.answers.push(line as Answer));
    this.writers.set(i, worker);
  }

  private startFollower(i: number): void {
    const url = FOLLOWERS[i]!.name === 'stalled' ? this.lines[1]!.url : this.options.url;
    this.followers.set(
      i,
      new Worker('postgres-follower.worker.ts', { ...FOLLOWERS[i], url }, () => undefined),
    );
  }

  /** Every third process reaches the server over a line that goes dead at times. */
  private wayOf(i: number): string {
    return i % 3 === 2 ? this.lines[0]!.url : this.options.url;
  }

  private momentsOfRestarts(from: number, ms: number): number[] {
    const { restarts = 1 } = this.options;
    return Array.from({ length: restarts }, () => from + ms * (0.2 + this.random() * 0.6)).sort();
  }

  private async disturb(): Promise<void> {
    const kind = this.random();
    if (kind < 0.45) await this.terminate('pg_terminate_backend');
    else if (kind < 0.55) await this.terminate('pg_cancel_backend');
    else if (kind < 0.7) await this.killOne(this.writers, (i) => this.startWriter(i));
    else if (kind < 0.85) await this.killOne(this.followers, (i) => this.startFollower(i));
    else this.stall();
  }

  /** Of whatever is connected: writers, readers, listeners, transactions of the application. */
  private async terminate(how: string): Promise<void> {
    const count = 1 + Math.floor(this.random() * 3);
    const ended = await queryAt(
      this.options.url,
      `select ${how}(pid) from (
        select pid from pg_stat_activity where datname = current_database() and application_name in ('backstory', 'user')
        order by md5(pid::text || $1) limit ${count}
      ) p`,
      [String(this.random())],
    ).catch(() => []);
    this.disturbed.terminated += ended.length;
  }

  private async killOne(of: Map<number, Worker>, again: (i: number) => void): Promise<void> {
    const i = [...of.keys()][Math.floor(this.random() * of.size)]!;
    await of.get(i)!.kill();
    this.disturbed.killed++;
    again(i);
  }

  private stall(): void {
    const line = this.lines[Math.floor(this.random() * this.lines.length)]!;
    line.stall();
    this.disturbed.stalls++;
    setTimeout(() => line.restore(), 200 + this.random() * 3_000).unref();
  }

  private async restart(): Promise<void> {
    const { cluster } = this.options;
    await cluster!.kill();
    await cluster!.start();
    this.disturbed.restarts++;
    await this.holdUnrelated();
  }

  /** A transaction that has written, and stays open. */
  private async holdUnrelated(): Promise<void> {
    this.unrelated = new Client({ connectionString: this.options.url, application_name: 'unrelated' });
    this.unrelated.on('error', () => undefined);
    await this.unrelated.connect();
    await this.unrelated.query('begin isolation level repeatable read; insert into unrelated values (1)');
  }

  private async stopWriters(): Promise<string[]> {
    const ends = [...this.writers].map(async ([i, worker]) => {
      if (await worker.end('stop', 60_000)) return [];
      return [`writer process ${i} does not end`];
    });
    return (await Promise.all(ends)).flat();
  }

  private async followersBehind(): Promise<string[]> {
    const { url } = this.options;
    const sql = `select c.key as name, (c.value::json->>'through')::int as through, (select max(position) from backstory.events)::int as head
      from backstory.state c where c.collection = 'checkpoints'`;
    const names = new Set(FOLLOWERS.map(({ name }) => name));
    for (const deadline = Date.now() + 120_000; ; await sleep(50)) {
      const rows = await queryAt(url, sql);
      const behind = rows.filter(({ through, head }) => through !== head);
      if (rows.length === names.size && behind.length === 0) break;
      if (Date.now() < deadline) continue;
      return [`followers do not come to the head beside an unrelated transaction: ${JSON.stringify(rows)}`];
    }
    const [row] = (await this.unrelated!.query<{ one: number }>('select 1 as one')).rows;
    const ends = [...this.followers].map(async ([i, worker]) =>
      (await worker.end('stop', 30_000)) ? [] : [`follower process ${i} does not end`],
    );
    return [...(row ? [] : ['the unrelated transaction ended']), ...(await Promise.all(ends)).flat()];
  }
}

/** A process, what it says line by line, and what it complains about. */
export class Worker {
  readonly began: Promise<void>;
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private stderr = '';
  private killed = false;

  constructor(
    private readonly file: string,
    plan: object,
    heard: (line: unknown) => void,
  ) {
    this.child = spawnWorker(path.join(__dirname, file), [JSON.stringify(plan)]);
    this.child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((done) => this.child.once('close', () => done()));
    const lines = createInterface(this.child.stdout!);
    const first = new Promise<void>((done) => lines.once('line', () => done()));
    this.began = Promise.race([first, this.ended]);
    // A line that a kill cut short is none.
    lines.on('line', (line) => void (line.endsWith('}') && heard(JSON.parse(line))));
  }

  tell(word: string): void {
    if (this.child.connected) this.child.send(word);
  }

  /** Tells it to end. `false`: it did not within the time, and was killed. */
  async end(word: string, ms: number): Promise<boolean> {
    this.tell(word);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((done) => (timer = setTimeout(() => done(false), ms)));
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    clearTimeout(timer);
    if (!inTime) await this.kill();
    return inTime;
  }

  async kill(): Promise<void> {
    this.killed = this.child.exitCode === null;
    this.child.kill('SIGKILL');
    await this.ended;
  }

  complaints(): string[] {
    const { exitCode } = this.child;
    if (this.killed || (this.stderr === '' && !exitCode)) return [];
    return [`${this.file} ended with ${exitCode}: ${this.stderr.slice(0, 1_500)}`];
  }
}

export async function rowsAt(url: string): Promise<Row[]> {
  const rows = await queryAt(
    url,
    `select position, stream, version, id, type, append_index, extract(epoch from recorded_at) * 1000 as recorded
      from backstory.events order by position, version, id`,
  );
  return rows.map(({ position, stream, version, id, type, append_index, recorded }) => ({
    position: Number(position),
    stream: stream as string,
    version: Number(version),
    id: id as string,
    type: type as string,
    appendIndex: append_index as number,
    recorded: Number(recorded),
  }));
}

async function seenBy(url: string, name: string): Promise<Seen[]> {
  const sql = `select value from backstory.state where collection = $1 order by key`;
  return (await queryAt(url, sql, [`seen ${name}`])).map(({ value }) => JSON.parse(value as string) as Seen);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
