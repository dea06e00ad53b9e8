import type { StateStore } from '@backstory/core';
import { LeaseHolder } from '@backstory/core/state';
import { SealerBusy } from './errors.js';

/** Works as the only one who seals this log; the signal aborts once it may be somebody else. @throws SealerBusy */
export async function asSealer<T>(state: StateStore, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const leases = new LeaseHolder(state, { ttlMs: 10_000 });
  try {
    const lease = await leases.acquire('audit:seal');
    if (!lease) throw new SealerBusy();
    return await work(lease.signal);
  } finally {
    await leases.close();
  }
}
