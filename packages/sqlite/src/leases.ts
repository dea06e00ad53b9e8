import { afterPrefix, type Fence, type Lease } from '@backstory/core/state';
import type { Session } from './session.js';

/** The functions write in the transaction that is open; `now` is the store's clock. A row outlives its release: tokens only rise. */
export function acquireLease(
  session: Session,
  { name, owner, ttlMs, now }: Pick<Lease, 'name' | 'owner' | 'ttlMs'> & { readonly now: number },
): Lease | undefined {
  const [holder, lastToken, expiresAt] = session.first<HeldRow>(HELD, name) ?? [null, 0, 0];
  if (holder !== null && holder !== owner && expiresAt > now) return undefined;
  const token = holder === owner ? lastToken : lastToken + 1;
  session.run(TAKE, [name, owner, token, ttlMs, now + ttlMs]);
  return { name, owner, token, ttlMs, expiresAt: new Date(now + ttlMs) };
}

export function renewLeases(session: Session, leases: readonly Lease[], now: number): readonly Lease[] {
  return leases.flatMap((lease) => {
    const { name, token, ttlMs } = lease;
    const held = session.run(RENEW, [ttlMs, now + ttlMs, name, token]) > 0;
    return held ? [{ ...lease, expiresAt: new Date(now + ttlMs) }] : [];
  });
}

export function releaseLease(session: Session, { name, token }: Fence): void {
  session.run('UPDATE leases SET owner = NULL WHERE name = ? AND token = ?', [name, token]);
}

export function holdsLease(session: Session, { name, token }: Fence): boolean {
  return session.all(HOLDS, name, token).length > 0;
}

/** The leases that have not been released, in byte order of their names. */
export function listLeases(session: Session, prefix: string): readonly Lease[] {
  const end = afterPrefix(prefix);
  const rows =
    end === undefined
      ? session.all<LeaseRow>(`${LIST} ORDER BY name`, prefix)
      : session.all<LeaseRow>(`${LIST} AND name < ? ORDER BY name`, prefix, end);
  return rows.map(([name, owner, token, ttlMs, expiresAt]) => ({
    name,
    owner,
    token,
    ttlMs,
    expiresAt: new Date(expiresAt),
  }));
}

type HeldRow = [owner: string | null, token: number, expiresAt: number];
type LeaseRow = [name: string, owner: string, token: number, ttlMs: number, expiresAt: number];

const HELD = 'SELECT owner, token, expires_at FROM leases WHERE name = ?';
const HOLDS = 'SELECT 1 FROM leases WHERE name = ? AND token = ? AND owner IS NOT NULL';
const TAKE = `INSERT INTO leases (name, owner, token, ttl_ms, expires_at) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, token = excluded.token,
    ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at`;
const RENEW =
  'UPDATE leases SET ttl_ms = ?, expires_at = ? WHERE name = ? AND token = ? AND owner IS NOT NULL';
const LIST =
  'SELECT name, owner, token, ttl_ms, expires_at FROM leases WHERE owner IS NOT NULL AND name >= ?';
