import { memory, type OpenStorage, type Storage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import { startPostgres, type PostgresServer } from './postgres-server.js';
import { sqliteFiles } from './sqlite-files.js';

/** A new and empty storage for each test; what was opened through it is closed after it. */
export interface TestStorage {
  storage(): Promise<Storage>;
  /** Several of one storage are what several processes are. */
  opened(storage: Storage): Promise<OpenStorage>;
}

/** Runs the same tests on memory, SQLite and PostgreSQL. */
export function describeEachStorage(tests: (stores: TestStorage) => void): void {
  describe('on memory', () => {
    const files = sqliteFiles();
    tests({ storage: async () => memory(), opened: (storage) => files.opened(storage.open()) });
  });
  describe('on SQLite', () => {
    const files = sqliteFiles();
    tests({
      storage: async () => sqlite(files.newFile()),
      opened: (storage) => files.opened(storage.open()),
    });
  });
  describe('on PostgreSQL', () => {
    let server: PostgresServer;
    const files = sqliteFiles();
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.stop());
    tests({
      storage: async () => postgres(await server.createDatabase()),
      opened: (storage) => files.opened(storage.open()),
    });
  });
}
