import { afterPrefix, type Lease } from '@backstory/core/state';
import { byBytes, outside } from '@backstory/core/store';
import { bigintArray, textArray } from './binary-arrays.js';
import type { Database } from './database.js';

const MS = (instant: string) => `(extract(epoch from ${instant}) * 1000)::bigint`;

/** Leases that are asked for at the same moment are taken in one statement: whoever begins a subscription asks for dozens. */
export class LeaseRequests {
  private waiting: LeaseRequest[] = [];

  constructor(private readonly database: Database) {}

  acquire(wanted: Wanted): Promise<Lease | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ wanted, resolve, reject });
      if (this.waiting.length === 1) process.nextTick(() => void outside(() => this.send()));
    });
  }

  private async send(): Promise<void> {
    const requests = this.waiting;
    this.waiting = [];
    // In one order everywhere, so that two who want the same wait for each other and not in a circle.
    requests.sort((a, b) => byBytes(a.wanted.name, b.wanted.name));
    try {
      const given = await this.take(requests.map(({ wanted }) => wanted));
      requests.forEach(({ resolve }, i) => resolve(given[i]));
    } catch (error) {
      for (const { reject } of requests) reject(error as Error);
    }
  }

  private async take(wanted: readonly Wanted[]): Promise<readonly (Lease | undefined)[]> {
    const { schema } = this.database;
    const rows = await this.database.read<[string, string, string]>({
      text: `select place, given_token, ${MS('expires')}
        from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality as wanted(name, owner, ttl, place),
          lateral ${schema}.acquire_v1(name, owner, ttl)`,
      values: [
        textArray(wanted.map(({ name }) => name)),
        textArray(wanted.map(({ owner }) => owner)),
        bigintArray(wanted.map(({ ttlMs }) => ttlMs)),
      ],
    });
    const given = new Map(rows.map(([place, ...lease]) => [Number(place) - 1, lease]));
    return wanted.map(({ name, owner, ttlMs }, i) => {
      const lease = given.get(i);
      return lease && { name, owner, ttlMs, token: Number(lease[0]), expiresAt: new Date(Number(lease[1])) };
    });
  }
}

type Wanted = Pick<Lease, 'name' | 'owner' | 'ttlMs'>;

interface LeaseRequest {
  readonly wanted: Wanted;
  readonly resolve: (lease: Lease | undefined) => void;
  readonly reject: (error: Error) => void;
}

export async function storeTime(database: Database): Promise<Date> {
  const rows = await database.read<[string]>({ text: `select ${MS('clock_timestamp()')}`, values: [] });
  return new Date(Number(rows[0]![0]));
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

export async function releaseLease(database: Database, { name, owner, token }: Lease): Promise<void> {
  const text = `update ${database.schema}.leases set owner = null where name = $1 and owner = $2 and token = $3`;
  await database.read({ text, values: [name, owner, token] });
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
