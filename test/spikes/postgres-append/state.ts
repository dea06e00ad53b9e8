import { type Fence, FenceLost, type Lease, type StateTransaction } from '@backstory/core/state';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { escapeLiteral, type DatabaseError, type Pool, type PoolClient } from 'pg';

export const STATE_V1 = readFileSync(join(__dirname, 'state_v1.sql'), 'utf8');

/** As much of a `StateTransaction` as shows whether transactions take turns. */
export type SpikeTransaction = Pick<StateTransaction, 'get' | 'put'>;

/** Transactions with a fence, and leases. */
export class SpikeStateStore {
  constructor(
    private readonly pool: Pool,
    private readonly isolation = 'serializable',
  ) {}

  /** `work` runs again when another transaction got in its way: nothing of the first run is left. */
  async transaction<T>(fence: Fence | undefined, work: (state: SpikeTransaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(fence, work);
      } catch (error) {
        const { code } = error as DatabaseError;
        if (code === 'BSFEN') throw new FenceLost(fence!.name, fence!.token);
        if (!GOT_IN_THE_WAY.has(code) || attempt === ATTEMPTS) throw error;
        await new Promise((wait) => setTimeout(wait, Math.random() * 2 ** attempt));
      }
    }
  }

  private async attempt<T>(
    fence: Fence | undefined,
    work: (state: SpikeTransaction) => Promise<T>,
  ): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query(`begin isolation level ${this.isolation}${call('fence_before_v1', fence)}`);
      const result = await work(transactionOn(client));
      // One message: a process that stalls cannot stall between the check and the commit.
      await client.query(`select 1${call('fence_after_v1', fence)}; commit`);
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  }

  async acquire(
    name: string,
    { owner, ttlMs }: { owner: string; ttlMs: number },
  ): Promise<Lease | undefined> {
    const { rows } = await this.pool.query<{ given_token: string; expires: Date }>(
      'select * from acquire_v1($1, $2, $3)',
      [name, owner, ttlMs],
    );
    const [given] = rows;
    return given && { name, owner, ttlMs, token: Number(given.given_token), expiresAt: given.expires };
  }

  /** The names of the leases that are still held. */
  async renew(leases: readonly Lease[]): Promise<readonly string[]> {
    const values = [leases.map(({ name }) => name), leases.map(({ token }) => token)];
    const { rows } = await this.pool.query<{ name: string }>('select renew_v1($1, $2) as name', values);
    return rows.map(({ name }) => name);
  }
}

const ATTEMPTS = 12;
/** Serialization failure, deadlock. */
const GOT_IN_THE_WAY = new Set<string | undefined>(['40001', '40P01']);

function call(check: string, fence: Fence | undefined): string {
  return fence === undefined ? '' : `; select ${check}(${escapeLiteral(fence.name)}, ${fence.token})`;
}

function transactionOn(client: PoolClient): SpikeTransaction {
  return {
    async get(collection, key) {
      const text = 'select value from state where collection = $1 and key = $2';
      return (await client.query<{ value: string }>(text, [collection, key])).rows[0]?.value;
    },
    async put(collection, key, value) {
      const text = `insert into state values ($1, $2, $3) on conflict (collection, key) do update set value = excluded.value`;
      await client.query(text, [collection, key, value]);
    },
  };
}
