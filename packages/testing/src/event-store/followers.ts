import assert from 'node:assert/strict';
import { follow, newId, type EventStore } from '@backstory/core';
import type { EventStoreHarness } from '../event-store-harness.js';
import { event, events, refused, wholeLog, write } from './draft.js';
import { assertSame, followUntil, withWakes, type Wakes } from './following.js';
import { eventually, noSecondConnection, pause, type Case } from './harness-parts.js';

const WAKES: readonly Wakes[] = ['as they come', 'never', 'all the time', 'late'];
const NEVER_POLL = 2 ** 30;

/** 4. A follower sees every event, once, in order. */
export const followerCases: readonly Case[] = [
  ...WAKES.map(wakesCase),
  {
    name: 'followers on two connections see every event once while both connections write',
    unless: noSecondConnection,
    async run(harness) {
      const store = await harness.open();
      const other = await harness.openAnother!(store);
      const done = reaches(60);
      const [one, two] = await Promise.all([
        followUntil(harness, store, done, { query: { pageSize: 7 } }),
        followUntil(harness, other, done, { query: { pageSize: 4 } }),
        writeALot(store, 30),
        writeALot(other, 30),
      ]);
      const log = await wholeLog(store);
      assertSame(one.events, log);
      assertSame(two.events, log);
    },
  },
  {
    name: 'events that are recorded while a follower pages are neither skipped nor given twice',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(10))]);
      let appended = 0;
      const between = async (): Promise<void> => {
        if (appended++ < 10) await store.append([write(`a-${appended}`, 'any', event())]);
      };
      const followed = await followUntil(harness, store, reaches(20), { between, query: { pageSize: 2 } });
      assertSame(followed.events, await wholeLog(store));
    },
  },
  {
    name: 'a follower pages through what is there without waiting to be woken',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(200))]);
      const settings = { pollMs: NEVER_POLL, query: { pageSize: 3 } };
      const followed = await followUntil(harness, withWakes(store, 'never'), reaches(200), settings);
      assertSame(followed.events, await wholeLog(store));
    },
  },
  {
    name: 'a follower starts after a position',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(6))]);
      const log = await wholeLog(store);
      const followed = await followUntil(harness, store, reaches(2), { after: log[3]?.position ?? 0 });
      assertSame(followed.events, log.slice(4));
    },
  },
  {
    name: 'a follower goes on where a checkpoint was taken',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(5))]);
      const first = await followUntil(harness, store, reaches(3), { query: { pageSize: 3 } });
      const { logId, epoch } = await store.identity();
      const after = { logId, epoch, through: first.through, last: first.events.at(-1)! };
      const second = await followUntil(harness, store, reaches(2), { after });
      assertSame([...first.events, ...second.events], await wholeLog(store));
    },
  },
  {
    name: 'a follower of a type that never occurs reaches the head',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(9))]);
      const { head } = await store.identity();
      const query = { types: ['never'], pageSize: 2 };
      const followed = await followUntil(harness, store, ({ through }) => through >= head, { query });
      assert.deepEqual({ events: followed.events, through: followed.through }, { events: [], through: head });
      assert.ok(head > 0);
    },
  },
  {
    name: 'a follower of some types gets each of them once and its through goes on past the others',
    async run(harness) {
      const store = await harness.open();
      for (let i = 0; i < 12; i++) await store.append([write('a-1', i, event({ type: `type-${i % 3}` }))]);
      const log = await wholeLog(store);
      const head = log.at(-1)?.position ?? 1;
      const query = { types: ['type-0', 'type-1'], pageSize: 2 };
      const followed = await followUntil(harness, store, ({ through }) => through >= head, { query });
      assertSame(
        followed.events,
        log.filter(({ type }) => type !== 'type-2'),
      );
      assert.equal(followed.through, head);
    },
  },
  {
    name: 'a follower that is aborted ends quietly: before it begins, between pages and while it waits',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(6))]);
      assert.equal(await pagesUntilAbort(harness, store, 0), 0);
      assert.equal(await pagesUntilAbort(harness, store, 1), 1);
      assert.equal(await pagesUntilAbort(harness, store, 3), 3);
    },
  },
  {
    name: 'a follower does not begin with a checkpoint of another log, another epoch or a lost event',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(3))]);
      const { logId, epoch, head } = await store.identity();
      const good = { logId, epoch, through: head - 1 };
      const [last] = (await followUntil(harness, store, reaches(1), { after: good })).events;
      assert.equal(last?.position, head);
      const checkpoints = [
        { logId: newId(), epoch, through: head },
        { logId, epoch: epoch + 1, through: head },
        { logId, epoch, through: head + 1 },
        { logId, epoch, through: head, last: { id: newId(), position: head } },
      ];
      for (const after of checkpoints)
        await refused(follow(store, { after }).next(), 'BACKSTORY_LOG_DIVERGED');
    },
  },
];

function wakesCase(wakes: Wakes): Case {
  return {
    name: `a follower sees every event once, in order, while many write; wake-ups come ${when(wakes)}`,
    async run(harness) {
      const store = await harness.open();
      const settings = { query: { pageSize: 7 }, between: () => pause(0) };
      const [followed] = await Promise.all([
        followUntil(harness, withWakes(store, wakes), reaches(80), settings),
        writeALot(store, 80),
      ]);
      assertSame(followed.events, await wholeLog(store));
      let before = 0;
      for (const { events: given, through } of followed.pages) {
        const inside = given.every(({ position }) => position > before && position <= through);
        assert.ok(inside && through >= before, 'a page lies between the through before it and its own');
        before = through;
      }
    },
  };
}

function when(wakes: Wakes): string {
  return wakes === 'as they come' ? 'as the store sends them' : wakes;
}

function reaches(count: number): (followed: { events: readonly unknown[] }) => boolean {
  return ({ events: seen }) => seen.length >= count;
}

/** Eight writers, in bursts, to few streams, now and then in conflict. */
async function writeALot(store: EventStore, count: number): Promise<void> {
  let left = count;
  const writer = async (nth: number): Promise<void> => {
    while (left-- > 0) {
      const conflict = store.append([write('a-conflict', 4_000_000)]);
      await Promise.allSettled([conflict, store.append([write(`a-${nth % 3}`, 'any', event())])]);
      await pause(nth % 4); // long enough for followers to be at the head again and again
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, nth) => writer(nth)));
}

/** Aborts after so many pages of two events each; the log has three. */
async function pagesUntilAbort(
  harness: EventStoreHarness,
  store: EventStore,
  after: number,
): Promise<number> {
  const controller = new AbortController();
  let pages = 0;
  if (after === 0) controller.abort();
  const run = async (): Promise<number> => {
    const options = { signal: controller.signal, pollMs: NEVER_POLL, query: { pageSize: 2 } };
    for await (const page of follow(store, options)) {
      pages += page.events.length > 0 ? 1 : 0;
      if (pages === after) setTimeout(() => controller.abort(), after === 3 ? 20 : 0);
      if (pages === after && after < 3) await pause(5);
    }
    return pages;
  };
  try {
    return await eventually(harness, 'the aborted follower to end', run());
  } finally {
    controller.abort();
  }
}
