import { StoreUnavailable } from '@backstory/core';
import { guarded, type Observer } from '@backstory/core/observe';
import { outside } from '@backstory/core/store';
import type { Database } from './database.js';
import { LOCK_CLASS } from './lock-key.js';

export interface LockWatchOptions {
  /** How long an append waits for others before it is asked for whom. */
  readonly lockWarningMs: number;
  readonly observer: Observer;
}

type HolderRow = readonly [
  pid: string,
  application: string | null,
  user: string | null,
  address: string | null,
  state: string | null,
  seconds: string | null,
];

/** Finds out who holds the lock that appends take while one of ours waits long for it, and says so. */
export class LockWatch {
  private readonly observer: Observer;
  private readonly lockWarningMs: number;

  constructor(
    private readonly database: Database,
    { lockWarningMs, observer }: LockWatchOptions,
  ) {
    this.lockWarningMs = lockWarningMs;
    this.observer = guarded(observer);
  }

  /** Waits for `append`. When that is given up after a long wait, the error says who held the lock. */
  async during<T>(append: Promise<T>): Promise<T> {
    const began = performance.now();
    let holder: string | undefined;
    const timer = outside(() =>
      setInterval(() => {
        void this.holder().then((found) => {
          if (found === undefined) return;
          holder = found;
          const waitedMs = Math.round(performance.now() - began);
          this.observer.blocked(() => ({ store: this.database.store, waitedMs, holder: found }));
        });
      }, this.lockWarningMs).unref(),
    );
    try {
      return await append;
    } catch (error) {
      if (holder === undefined || !(error instanceof StoreUnavailable)) throw error;
      const reason = `${error.reason}, while ${holder} held the lock that appends take`;
      throw new StoreUnavailable(error.store, reason, { cause: error });
    } finally {
      clearInterval(timer);
    }
  }

  /** Nobody where nobody waits for the lock: then it is something else that takes long. */
  private async holder(): Promise<string | undefined> {
    const [row] = await this.database
      .read<HolderRow>({ text: HOLDER, values: [`${this.database.schema}.events`] })
      .catch(() => []); // a warning must not be the cause of a failure
    return row && described(row);
  }
}

const HOLDER = `
select pid, application_name, usename, client_addr, state, extract(epoch from clock_timestamp() - state_change)::int
from pg_locks holding join pg_stat_activity using (pid)
where locktype = 'advisory' and classid = ${LOCK_CLASS}::int::oid and objid = $1::regclass and granted
  and holding.database = (select oid from pg_database where datname = current_database())
  and exists (
    select from pg_locks waiting where waiting.locktype = 'advisory' and not waiting.granted
      and (waiting.database, waiting.classid, waiting.objid) = (holding.database, holding.classid, holding.objid)
  )`;

/** What this user may not see is left out. */
function described([pid, application, user, address, state, seconds]: HolderRow): string {
  const facts = [
    application,
    user && `user ${user}`,
    address && `from ${address}`,
    state && (seconds === null ? state : `${state} for ${seconds} s`),
  ];
  return `process ${pid} (${facts.filter(Boolean).join(', ')})`;
}
