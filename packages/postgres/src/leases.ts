import { afterPrefix, type Fence, type Lease } from '@backstory/core/state';
import { bigintArray, textArray } from './binary-arrays.js';
import type { Database } from './database.js';

const MS = (instant: string) => `(extract(epoch from ${instant}) * 1000)::bigint`;

export async function acquireLease(
  database: Database,
  { name, owner, ttlMs }: Pick<Lease, 'name' | 'owner' | 'ttlMs'>,
): Promise<Lease | undefined> {
  const text = `select given_token, ${MS('expires')} from ${database.schema}.acquire_v1($1, $2, $3)`;
  const [given] = await database.read<[string, string]>({ text, values: [name, owner, ttlMs] });
  return given && { name, owner, ttlMs, token: Number(given[0]), expiresAt: new Date(Number(given[1])) };
}

export async function renewLeases(database: Database, leases: readonly Lease[]): Promise<readonly Lease[]> {
  const rows = await database.read<[string, string]>({
    text: `select lease_name, ${MS('expires')} from ${database.schema}.renew_v1($1, $2, $3)`,
    values: [
      textArray(leases.map(({ name }) => name)),
      bigintArray(leases.map(({ token }) => token)),
      bigintArray(leases.map(({ ttlMs }) => ttlMs)),
    ],
  });
  const expiries = new Map(rows);
  return leases.flatMap((lease) => {
    const expiry = expiries.get(lease.name);
    return expiry === undefined ? [] : [{ ...lease, expiresAt: new Date(Number(expiry)) }];
  });
}

export async function releaseLease(database: Database, { name, token }: Fence): Promise<void> {
  const text = `update ${database.schema}.leases set owner = null where name = $1 and token = $2`;
  await database.read({ text, values: [name, token] });
}

/** The leases that have not been released, in byte order of their names. */
export async function listLeases(database: Database, prefix: string): Promise<readonly Lease[]> {
  const { schema } = database;
  const rows = await database.read<readonly [string, string, string, string, string]>({
    text: `select name, owner, token, ttl_ms, ${MS('expires_at')} from ${schema}.leases join ${schema}.lease_times using (name)
      where owner is not null and name >= $1 and ($2::text is null or name < $2 collate "C") order by name`,
    values: [prefix, afterPrefix(prefix) ?? null],
  });
  return rows.map(([name, owner, token, ttlMs, expiresAt]) => ({
    name,
    owner,
    token: Number(token),
    ttlMs: Number(ttlMs),
    expiresAt: new Date(Number(expiresAt)),
  }));
}
