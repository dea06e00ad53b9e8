import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { OpenStorage } from '@backstory/core';
import { sqlite } from '@backstory/sqlite';
import { describeEventStore, describeStateStore } from '@backstory/testing';

describeEventStore('the SQLite event store', {
  capabilities: { durable: true, multiStreamAppends: true, densePositions: true, unindexed: [] },
  ...files('events'),
});
describeStateStore('the SQLite state store', { capabilities: { durable: true }, ...files('state') });

interface OpenFile {
  readonly file: string;
  readonly storage: OpenStorage;
  readonly now: (() => number) | undefined;
}

/** A file for each open; `part` says which of its two stores is tested. */
function files<Part extends 'events' | 'state'>(part: Part) {
  type Store = OpenStorage[Part];
  let folder: string | undefined;
  let count = 0;
  const opened = new Map<Store, OpenFile>();
  const open = async (file: string, now?: () => number): Promise<Store> => {
    const storage = await sqlite(file, now ? { now } : {}).open();
    await storage.state.start();
    opened.set(storage[part], { file, storage, now });
    return storage[part];
  };
  const newFile = () => {
    folder ??= fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-conformance-'));
    return path.join(folder, `${count++}.db`);
  };
  const reopen = async (store: Store): Promise<Store> => {
    const { file, storage, now } = opened.get(store)!;
    await storage.close();
    opened.delete(store);
    return open(file, now);
  };
  const cleanup = async (): Promise<void> => {
    for (const { storage } of opened.values()) await storage.close();
    opened.clear();
    if (folder) fs.rmSync(folder, { recursive: true });
    folder = undefined;
  };
  return {
    open: () => open(newFile()),
    openWithClock: (now: () => number) => open(newFile(), now),
    openAnother: (store: Store) => open(opened.get(store)!.file, opened.get(store)!.now),
    reopen,
    cleanup,
  };
}
