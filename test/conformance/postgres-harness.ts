import type { OpenStorage, Storage } from '@backstory/core';
import type { StoreCapabilities } from '@backstory/core/store';

/** What the event store in PostgreSQL promises in full. */
export const POSTGRES_CAPABILITIES: StoreCapabilities = {
  durable: true,
  multiStreamAppends: true,
  densePositions: true,
  unindexed: [],
};

interface OpenSchema {
  readonly schema: string;
  readonly storage: OpenStorage;
}

/** A schema for each open, all in one database; `part` says which of its two stores is tested. */
export function schemas<Part extends 'events' | 'state'>(part: Part, storageIn: (schema: string) => Storage) {
  type Store = OpenStorage[Part];
  let count = 0;
  const opened = new Map<Store, OpenSchema>();
  const open = async (schema: string): Promise<Store> => {
    const storage = await storageIn(schema).open();
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
