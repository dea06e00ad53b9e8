import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { StoreUnusable } from '@backstory/core';
import type { Migration, StoreAdministration, StoreStatus } from '@backstory/core/administration';
import type { Driver } from './driver.js';
import { readIdentity } from './log-identity.js';
import { openFile } from './open-file.js';
import { patiently } from './patiently.js';
import { SCHEMA_VERSION, installationSql } from './schema.js';
import type { Session } from './session.js';

/** Looks after a file. There is one version of its tables so far, so there is nothing to move on. */
export class SqliteAdministration implements StoreAdministration {
  constructor(
    private readonly driver: Driver,
    private readonly place: { readonly path: string; readonly store: string; readonly lockTimeoutMs: number },
  ) {}

  async status(): Promise<StoreStatus> {
    const { store, path: file } = this.place;
    const size = sizeOf(file);
    const facts = { file: path.resolve(file), 'in bytes': size + sizeOf(`${file}-wal`) };
    if (size === 0) return { store, version: 0, wanted: SCHEMA_VERSION, log: undefined, facts };
    return this.session({ readOnly: true }, (session) => {
      const [sqlite] = session.first<[string]>('SELECT sqlite_version()')!;
      const [version] = session.first<[number]>('PRAGMA user_version')!;
      const log = readIdentity(session);
      return {
        store,
        version,
        wanted: SCHEMA_VERSION,
        log,
        facts: { ...facts, sqlite, driver: this.driver.name },
      };
    });
  }

  async plan(): Promise<readonly Migration[]> {
    const { version } = await this.status();
    if (version >= SCHEMA_VERSION) return [];
    const summary = 'the log, the state beside it, and leases';
    return [{ version: SCHEMA_VERSION, usableFrom: SCHEMA_VERSION, summary, sql: this.sql() }];
  }

  async init(): Promise<boolean> {
    if ((await this.status()).version > 0) return false;
    await this.session({ readOnly: false }, () => undefined);
    return true;
  }

  async migrate(): Promise<readonly Migration[]> {
    this.require();
    await this.session({ readOnly: true }, () => undefined);
    return [];
  }

  sql(): string {
    return installationSql();
  }

  /** While nobody writes. Who has the file open finds that it is gone, and stops. */
  async drop(): Promise<void> {
    this.require();
    const { path: file } = this.place;
    await this.session({ readOnly: false }, async (session) => {
      await patiently(() => session.exec('BEGIN IMMEDIATE'), this.place);
      for (const suffix of ['-wal', '-shm', '']) rmSync(`${file}${suffix}`, { force: true });
    });
  }

  async close(): Promise<void> {}

  private require(): void {
    const { path: file, store } = this.place;
    if (sizeOf(file) > 0) return;
    const message = `there is no store in ${path.resolve(file)}. Make it with backstory store init.`;
    throw new StoreUnusable(store, 'missing', message);
  }

  private async session<T>(
    { readOnly }: { readonly readOnly: boolean },
    work: (session: Session) => T | Promise<T>,
  ): Promise<T> {
    const access = await openFile(this.driver, { ...this.place, readOnly });
    const session = access.connect();
    try {
      return await work(session);
    } finally {
      session.close();
      access.release();
    }
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
