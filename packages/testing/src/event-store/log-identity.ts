import assert from 'node:assert/strict';
import { newId, type EventStore, type LogIdentity } from '@backstory/core';
import { readCheckpoint, verifyCheckpoint, writeCheckpoint, type Checkpoint } from '@backstory/core/store';
import { events, refused, wholeLog, write } from './draft.js';
import { followUntil } from './following.js';
import { eventually, turn, type Case } from './harness-parts.js';

/** 8. A checkpoint is never silently ahead of its log. */
export const logIdentityCases: readonly Case[] = [
  {
    name: 'a new log has an id of its own, epoch 1 and head 0; the head is the last position',
    async run(harness) {
      const [one, two] = [await harness.open(), await harness.open()];
      assert.deepEqual(one.capabilities, harness.capabilities);
      const fresh = await one.identity();
      assert.deepEqual(fresh, { logId: fresh.logId, epoch: 1, epochStart: 0, head: 0 });
      assert.match(fresh.logId, /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
      assert.notEqual((await two.identity()).logId, fresh.logId);
      const { position } = await one.append([write('a-1', 'none', ...events(3))]);
      const last = (await wholeLog(one)).at(-1);
      assert.deepEqual(await one.identity(), { ...fresh, head: position, headId: last?.id });
      assert.equal(last?.position, position);
      assert.equal((await two.identity()).head, 0);
    },
  },
  {
    name: 'adopting raises the epoch, which begins at the head, and changes nothing else',
    async run(harness) {
      const store = await harness.open();
      const { position } = await store.append([write('a-1', 'none', ...events(3))]);
      const before = { log: await wholeLog(store), identity: await store.identity() };
      const adopted = await store.adopt();
      assert.deepEqual(adopted, { ...before.identity, epoch: 2, epochStart: position });
      assert.deepEqual([await store.identity(), await wholeLog(store)], [adopted, before.log]);
      await store.append([write('a-1', 3)]);
      assert.equal((await store.identity()).epochStart, position);
      const again = await store.adopt();
      assert.deepEqual([again.epoch, again.epochStart], [3, again.head]);
    },
  },
  {
    name: 'a checkpoint of this log is good, also one of an earlier epoch up to where the epoch began',
    async run(harness) {
      const { store, log, last } = await threeEvents(await harness.open());
      const checkpoint = { logId: log.logId, epoch: 1, through: log.head, last };
      assert.deepEqual(await verifyCheckpoint(store, readCheckpoint(writeCheckpoint(checkpoint))), log);
      const adopted = await store.adopt();
      assert.deepEqual(await verifyCheckpoint(store, checkpoint), adopted);
      await store.append([write('a-1', 3)]);
      assert.equal((await verifyCheckpoint(store, checkpoint)).epoch, 2);
    },
  },
  {
    name: 'a checkpoint that this log does not bear out is refused, with the reason',
    async run(harness) {
      const { store, log, last } = await threeEvents(await harness.open());
      const good: Checkpoint = { logId: log.logId, epoch: 1, through: log.head, last };
      assert.deepEqual(await verifyCheckpoint(store, good), log);
      await diverged(store, { ...good, logId: newId() });
      await diverged(store, { ...good, epoch: 2 });
      await diverged(store, { ...good, through: log.head + 1 });
      await diverged(store, { ...good, last: { ...last, id: newId() } });
      await diverged(store, { ...good, last: { ...last, position: last.position - 1 } });
      await diverged(store, { ...good, through: log.head - 1 });
      await store.adopt();
      await store.append([write('a-1', 3)]);
      const { head } = await store.identity();
      await diverged(store, { ...good, through: head });
    },
  },
  {
    name: 'a follower goes on when the log is adopted where it stands',
    async run(harness) {
      const { store } = await threeEvents(await harness.open());
      let adopted = false;
      const between = async (): Promise<void> => {
        if (adopted) return;
        adopted = true;
        await store.adopt();
        await store.append([write('a-1', 3)]);
      };
      const followed = await followUntil(harness, store, ({ events: seen }) => seen.length === 4, {
        between,
      });
      assert.deepEqual(followed.events, await wholeLog(store));
    },
  },
  {
    name: 'wake-ups come after appends, few for many, and none when they are not wanted any more',
    async run(harness) {
      const store = await harness.open();
      let [calls, cancelled] = [0, 0];
      let wake = (): void => undefined;
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const unsubscribe = store.onAppend(() => {
        calls++;
        wake();
      });
      store.onAppend(() => cancelled++)();
      await Promise.all(Array.from({ length: 50 }, () => store.append([write('a-1', 'any')])));
      await eventually(harness, 'a wake-up', woken);
      assert.ok(calls >= 1 && calls < 25, `${calls} wake-ups for 50 appends of one moment`);
      unsubscribe();
      unsubscribe();
      const before = calls;
      await store.append([write('a-1', 'any')]);
      for (let turns = 0; turns < 5; turns++) await turn();
      assert.deepEqual([calls, cancelled], [before, 0]);
    },
  },
];

async function threeEvents(
  store: EventStore,
): Promise<{ store: EventStore; log: LogIdentity; last: { id: string; position: number } }> {
  const given = events(3);
  await store.append([write('a-1', 'none', ...given)]);
  const log = await store.identity();
  return { store, log, last: { id: given[2]!.id, position: log.head } };
}

async function diverged(store: EventStore, checkpoint: Checkpoint): Promise<void> {
  await refused(verifyCheckpoint(store, checkpoint), 'BACKSTORY_LOG_DIVERGED', { checkpoint });
}
