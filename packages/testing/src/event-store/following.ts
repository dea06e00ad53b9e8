import assert from 'node:assert/strict';
import { follow, type EventStore, type LogPage, type StoredEvent } from '@backstory/core';
import type { EventStoreHarness } from '../event-store-harness.js';
import { eventually } from './harness-parts.js';

/** What becomes of the store's wake-ups on their way to a follower. */
export type Wakes = 'as they come' | 'never' | 'all the time' | 'late';

export interface Followed {
  readonly events: readonly StoredEvent[];
  readonly pages: readonly LogPage[];
  readonly through: number;
}

export type FollowSettings = NonNullable<Parameters<typeof follow>[1]> & {
  /** Called between pages, as a slow consumer would work. */
  readonly between?: () => Promise<void>;
};

/** Follows until `done` says so, or patience runs out. */
export async function followUntil(
  harness: EventStoreHarness,
  store: EventStore,
  done: (followed: Followed) => boolean,
  { between, ...options }: FollowSettings = {},
): Promise<Followed> {
  const controller = new AbortController();
  const events: StoredEvent[] = [];
  const pages: LogPage[] = [];
  let through = 0;
  const run = async (): Promise<Followed> => {
    for await (const page of follow(store, { pollMs: 20, ...options, signal: controller.signal })) {
      pages.push(page);
      events.push(...page.events);
      through = page.through;
      await between?.();
      if (done({ events, pages, through })) break;
    }
    return { events, pages, through };
  };
  try {
    return await eventually(harness, 'the follower to get where it should', run());
  } finally {
    controller.abort();
  }
}

/** Every event once, in order: ids and positions of what was followed are those of the log. */
export function assertSame(followed: readonly StoredEvent[], log: readonly StoredEvent[]): void {
  const of = ({ id, position, stream, version }: StoredEvent) => ({ id, position, stream, version });
  assert.deepEqual(followed.map(of), log.map(of));
}

/** The same store, with its wake-ups dropped, made up or late. */
export function withWakes(store: EventStore, wakes: Wakes): EventStore {
  if (wakes === 'as they come') return store;
  return delegating(store, {
    onAppend(wake) {
      if (wakes === 'late') return store.onAppend(() => setTimeout(wake, 15));
      const timer = wakes === 'all the time' ? setInterval(wake, 1) : undefined;
      return () => clearInterval(timer);
    },
  });
}

/** A store that passes every call on, apart from the methods given. */
export function delegating(store: EventStore, own: Partial<EventStore>): EventStore {
  return {
    capabilities: store.capabilities,
    append: (writes) => store.append(writes),
    readStream: (stream, slice) => store.readStream(stream, slice),
    readAll: (query) => store.readAll(query),
    listStreams: (query) => store.listStreams(query),
    onAppend: (wake) => store.onAppend(wake),
    identity: () => store.identity(),
    restore: (pages) => store.restore(pages),
    adopt: () => store.adopt(),
    close: () => store.close(),
    ...own,
  };
}
