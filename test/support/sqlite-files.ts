import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  newId,
  type EventStore,
  type LogQuery,
  type OpenStorage,
  type StampedEvent,
  type StoredEvent,
} from '@backstory/core';

/** Files and open storages of one test, gone after it. Call it once in a test file. */
export function sqliteFiles() {
  let folder: string | undefined;
  let count = 0;
  const opened: Pick<OpenStorage, 'close'>[] = [];
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  });
  return {
    newFolder(): string {
      return (folder ??= mkdtempSync(path.join(tmpdir(), 'backstory-sqlite-')));
    },
    newFile(): string {
      return path.join(this.newFolder(), `${count++}.db`);
    },
    /** Closes it after the test. */
    async opened<T extends Pick<OpenStorage, 'close'>>(opening: Promise<T>): Promise<T> {
      const storage = await opening;
      opened.push(storage);
      return storage;
    },
  };
}

/** An event that a store accepts. */
export function anEvent(
  type = 'happened',
  about: { readonly id?: string; readonly correlationId?: string; readonly causationId?: string } = {},
): StampedEvent {
  const { id = newId(), correlationId = id, causationId } = about;
  const metadata = { correlationId, causationId, source: 'test', occurredAt: new Date().toISOString() };
  return { id, type, schemaVersion: 1, data: '{}', metadata: JSON.stringify(metadata) };
}

/** Appends events to a stream in any state. */
export function record(store: EventStore, stream: string, ...events: StampedEvent[]) {
  return store.append([{ stream, expected: 'any', events }]);
}

/** Every event that a query gives. */
export async function eventsOf(store: EventStore, query?: LogQuery): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const page of store.readAll(query)) events.push(...page.events);
  return events;
}
