import type { OpenStorage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { describeEventStore, describeStateStore } from '@backstory/testing';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server?.stop());

describeEventStore('the PostgreSQL event store', {
  capabilities: { durable: true, multiStreamAppends: true, densePositions: true, unindexed: [] },
  ...schemas('events'),
});
describeStateStore('the PostgreSQL state store', { capabilities: { durable: true }, ...schemas('state') });

interface OpenSchema {
  readonly schema: string;
  readonly storage: OpenStorage;
}

/** A schema for each open, all in one database; `part` says which of its two stores is tested. */
function schemas<Part extends 'events' | 'state'>(part: Part) {
  type Store = OpenStorage[Part];
  let database: Promise<string> | undefined;
  let count = 0;
  const opened = new Map<Store, OpenSchema>();
  const open = async (schema: string): Promise<Store> => {
    const url = await (database ??= server.createDatabase());
    const storage = await postgres(url, { schema, maxConnections: 4 }).open();
    await storage.state.start();
    opened.set(storage[part], { schema, storage });
    return storage[part];
  };
  const reopen = async (store: Store): Promise<Store> => {
    const { schema, storage } = opened.get(store)!;
    await storage.close();
    opened.delete(store);
    return open(schema);
  };
  const cleanup = async (): Promise<void> => {
    for (const { storage } of opened.values()) await storage.close();
    opened.clear();
  };
  return {
    open: () => open(`log ${count++}`),
    openAnother: (store: Store) => open(opened.get(store)!.schema),
    reopen,
    cleanup,
  };
}
