import { isDeepStrictEqual } from 'node:util';
import {
  EventIdReused,
  StoreUnavailable,
  TransactionOutcomeUnknown,
  VersionConflict,
  type AppendResult,
  type ExpectedVersion,
  type OpenStorage,
  type Write,
} from '@backstory/core';
import { checkAppend } from '@backstory/core/store';
import { postgres } from '@backstory/postgres';
import { Pool, type Client as PgClient, type PoolClient } from 'pg';
import { appendOutcomes, appendStatement, type AppendRow } from '../../packages/postgres/src/append-batch.js';
import { sessionOn } from '../../packages/postgres/src/session.js';
import { seededRandom } from '../support/seeded-random.js';
import { faultEvent, type Answer, type WriterPlan } from './postgres-evidence.js';

/**
 * Many writers at once in one process, until told to stop. What became of each append is said on standard output, one line
 * each, after the answer.
 */
async function main(): Promise<void> {
  const plan = JSON.parse(process.argv[2]!) as WriterPlan;
  const random = seededRandom(plan.seed);
  let stopped = false;
  process.once('message', () => (stopped = true));
  const storage = await opened(plan);
  const pool = new Pool({ connectionString: plan.url, max: 5, application_name: 'user', ...LIMITS });
  pool.on('error', () => undefined);
  const clients: PoolClient[] = [];
  pool.on('connect', (client) => clients.push(client.on('error', () => undefined)));
  const writer = new Writer(storage, pool, random, plan.dawdles);
  const lane = async () => {
    while (!stopped)
      await writer.append().catch((error: unknown) => say({ kind: 'failed', message: told(error) }));
  };
  await Promise.all(Array.from({ length: plan.writers }, lane));
  await storage.close();
  // The application's own, over a line that may have gone dead. What the store leaves open would keep the process.
  for (const { connection } of clients as unknown as Client[]) connection.stream.destroy();
  process.disconnect();
}

type Client = PgClient & { readonly connection: { readonly stream: { destroy(): void } } };

const LIMITS = { connectionTimeoutMillis: 2_000, query_timeout: 2_000 };

async function opened({ url }: WriterPlan): Promise<OpenStorage> {
  for (;;) {
    try {
      return await postgres(url, {
        responseTimeoutMs: 2_000,
        connectTimeoutMs: 2_000,
        maxConnections: 3,
      }).open();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await sleep(50);
    }
  }
}

class Writer {
  private count = 0;
  constructor(
    private readonly storage: OpenStorage,
    private readonly pool: Pool,
    private readonly random: () => number,
    private readonly dawdles: number,
  ) {}

  async append(): Promise<void> {
    const kind = this.random();
    if (kind < this.dawdles) await this.inTransaction('dawdling');
    else if (kind < 0.05) await this.inTransaction('within');
    else await this.byItself();
    if (this.random() < 0.3) await sleep(this.random() * 10);
  }

  private async byItself(): Promise<void> {
    const writes = await this.writes();
    const asked = Date.now();
    try {
      const result = await patiently(() => this.storage.events.append(writes));
      say(acknowledgement(asked, writes, result));
      if (this.random() < 0.05) await this.again(writes, result);
    } catch (error) {
      this.refused(writes, error);
    }
  }

  /** What was acknowledged is answered in the same way when it is sent again, and its ids serve no other append. */
  private async again(writes: Write[], first: AppendResult): Promise<void> {
    const { repeated, ...result } = await patiently(() => this.storage.events.append(writes));
    const { repeated: _, ...expected } = first;
    if (!repeated || !isDeepStrictEqual(result, expected))
      say({
        kind: 'failed',
        message: `${JSON.stringify(first)} was answered, sent again, with ${JSON.stringify({ repeated, ...result })}`,
      });
    const other = [{ ...writes[0]!, stream: 'other-1', expected: 'any' as const }];
    await patiently(() => this.storage.events.append(other)).then(
      () => say({ kind: 'failed', message: `the ids of ${first.appendId} were accepted in another stream` }),
      (error: unknown) => {
        if (!(error instanceof EventIdReused)) throw error;
      },
    );
  }

  /** Beside a change in a table of the application's. Where nobody knows whether it committed, all of it is done again. */
  private async inTransaction(how: 'within' | 'dawdling'): Promise<void> {
    const writes = await this.writes();
    const name = `${writes[0]!.events[0]!.id} ${how}`;
    const mind = this.random() < 0.25 ? 'changed' : 'kept';
    const asked = Date.now();
    for (;;) {
      const client = await this.pool.connect().catch(() => undefined);
      if (client === undefined) await sleep(50);
      else {
        const answer = await this.attempt(client, { how, writes, name, mind }).catch(
          (error: unknown) => error,
        );
        if (answer instanceof TransactionOutcomeUnknown) continue;
        if (answer instanceof Error || answer === undefined) return this.refused(writes, answer);
        const { result, since } = answer as { result: AppendResult; since: number };
        // An earlier attempt may have been the one that committed.
        return say({
          ...acknowledgement(result.repeated ? asked : since, writes, result),
          transaction: name,
        });
      }
    }
  }

  private async attempt(
    client: PoolClient,
    { how, writes, name, mind }: { how: string; writes: Write[]; name: string; mind: string },
  ): Promise<{ result: AppendResult; since: number } | undefined> {
    let broken = true;
    try {
      await client.query('begin');
      await client.query('insert into ledger values ($1)', [name]);
      await sleep(this.random() * 30);
      const since = Date.now();
      const result = await (how === 'within'
        ? this.within(client, writes, mind)
        : this.dawdling(client, writes, mind));
      broken = false;
      return result && { result, since };
    } finally {
      client.release(broken);
    }
  }

  private async within(client: PoolClient, writes: Write[], mind: string): Promise<AppendResult | undefined> {
    // What an earlier attempt has committed is asked for by sending it again.
    const again = () => this.storage.events.append(writes);
    const transaction = await this.storage.within!(client, writes[0]!.events[0]!.id);
    if (!transaction) return again();
    const result = transaction.append(writes);
    result.catch(() => undefined);
    await sleep(this.random() * 5);
    if (mind === 'changed') return void (await transaction.rollback(new Error('never mind')));
    const committed = await transaction.commit().catch((error: unknown) => {
      if (error instanceof EventIdReused) return undefined;
      throw error;
    });
    return committed ? result : again();
  }

  /** Appends by the function and takes its time before it commits, which holds up the others. */
  private async dawdling(
    client: PoolClient,
    writes: Write[],
    mind: string,
  ): Promise<AppendResult | undefined> {
    const batch = [checkAppend(writes)];
    const rows = await sessionOn(client, { prepare: true })<AppendRow>(appendStatement('"backstory"', batch));
    const [outcome] = appendOutcomes(batch, rows);
    if ('error' in outcome!) throw outcome.error;
    await sleep(this.random() * 10);
    if (mind === 'changed') return void (await client.query('rollback'));
    try {
      await client.query(outcome!.result.repeated ? 'rollback' : 'commit');
    } catch (error) {
      throw new TransactionOutcomeUnknown('postgres', undefined, { cause: error });
    }
    return outcome!.result;
  }

  private refused(writes: Write[], error: unknown): void {
    say({ kind: 'refused', ids: writes.flatMap(({ events }) => events.map(({ id }) => id)) });
    const code = (error as { code?: string } | undefined)?.code ?? '';
    const expected =
      error === undefined ||
      error instanceof VersionConflict ||
      error instanceof StoreUnavailable ||
      // The application's own statements: the connection was ended or nothing was heard.
      /^(57|08|ECONN|EAGAIN|25P02|EPIPE|$)/.test(code);
    if (!expected) throw error as Error;
  }

  /** One to three events each for one stream or two, of which others write as well. */
  private async writes(): Promise<Write[]> {
    const streams = new Set([this.stream(), ...(this.random() < 0.2 ? [this.stream()] : [])]);
    const writes: Write[] = [];
    for (const stream of streams) {
      const expected = await this.expectedOf(stream);
      const count = 1 + Math.floor(this.random() * 3);
      writes.push({
        stream,
        expected,
        events: Array.from({ length: count }, () =>
          faultEvent(this.random() < 0.02 ? 'rare' : 'noted', this.count++),
        ),
      });
    }
    return writes;
  }

  private stream(): string {
    return `shared-${Math.floor(this.random() * 12)}`;
  }

  private async expectedOf(stream: string): Promise<ExpectedVersion> {
    if (this.random() < 0.5) return 'any';
    return patiently(async () => {
      for await (const { events } of this.storage.events.readStream(stream, { backwards: true, limit: 1 }))
        return events[0]?.version ?? 0;
      return 0;
    });
  }
}

/** Sends the same again while the store is away. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await sleep(30);
    }
  }
}

function acknowledgement(asked: number, writes: readonly Write[], result: AppendResult) {
  const appended = writes.map(({ stream, events }, i) => ({
    stream,
    ids: events.map(({ id }) => id),
    version: result.writes[i]!.version,
    position: result.writes[i]!.position,
  }));
  return { kind: 'acknowledged' as const, asked, recorded: result.recordedAt.getTime(), writes: appended };
}

function told(error: unknown): string {
  const { code = '', message, stack } = error as Error & { code?: string };
  return `${code} ${message} ${stack?.split('\n')[1] ?? ''}`;
}

function say(answer: Answer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
