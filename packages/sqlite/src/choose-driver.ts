import { StoreUnusable } from '@backstory/core';
import type { Driver, DriverName } from './driver.js';
import { libsqlDriver } from './libsql-driver.js';
import { nodeDriver } from './node-driver.js';

/** The driver asked for; `'auto'` prefers the one that comes with Node. @throws StoreUnusable where there is none */
export async function driverFor(wanted: DriverName | 'auto', store: string): Promise<Driver> {
  if (wanted === 'libsql') return libsqlDriver();
  const own = nodeDriver();
  if (own) return own;
  if (wanted === 'auto') return libsqlDriver();
  const message = `this Node (${process.version}) has no node:sqlite that can be used: leave the option driver out.`;
  throw new StoreUnusable(store, 'unsupported', message);
}

/** The drivers that work in this process. */
export function availableDrivers(): readonly DriverName[] {
  return nodeDriver() ? ['node:sqlite', 'libsql'] : ['libsql'];
}
