import assert from 'node:assert/strict';
import { event, events, wholeLog, write } from './draft.js';
import { eventually, noSecondConnection, notDurable, reopened, type Case } from './harness-parts.js';

/** 1. Acknowledged means durable. */
export const durabilityCases: readonly Case[] = [
  {
    name: 'what was acknowledged is there when the log is closed and opened again',
    unless: notDurable,
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(3))]);
      await store.append([write('_system-1', 'any')]);
      const before = { log: await wholeLog(store), identity: await store.identity() };
      assert.equal(before.log.length, 4);
      const again = await reopened(harness, store);
      assert.deepEqual({ log: await wholeLog(again), identity: await again.identity() }, before);
    },
  },
  {
    name: 'versions, positions and times go on from where they were before a reopening',
    unless: notDurable,
    async run(harness) {
      const store = await harness.open();
      const first = await store.append([write('a-1', 'none', ...events(2))]);
      const again = await reopened(harness, store);
      const second = await again.append([write('a-1', 2)]);
      assert.equal(second.writes[0]?.version, 3);
      assert.ok(second.position > first.position);
      assert.ok(second.recordedAt >= first.recordedAt);
    },
  },
  {
    name: 'appends that were accepted when close was called are there afterwards',
    unless: notDurable,
    async run(harness) {
      const store = await harness.open();
      const appends = Array.from({ length: 20 }, () => store.append([write('a-1', 'any')]));
      const [again] = await Promise.all([reopened(harness, store), ...appends]);
      assert.equal((await wholeLog(again)).length, 20);
    },
  },
  {
    name: 'an adopted epoch and a restored log are there after a reopening',
    unless: notDurable,
    async run(harness) {
      const store = await harness.open();
      const at = { stream: 'a-1', version: 1, position: 7, appendIndex: 0, recordedAt: new Date(1_000) };
      const restored = [{ ...event(), ...at }];
      await store.restore([{ events: restored, through: 7 }]);
      const adopted = await store.adopt();
      assert.deepEqual({ epoch: adopted.epoch, epochStart: adopted.epochStart }, { epoch: 2, epochStart: 7 });
      const again = await reopened(harness, store);
      assert.deepEqual(await again.identity(), adopted);
      assert.deepEqual(await wholeLog(again), restored);
    },
  },
  {
    name: 'another connection reads at once what was acknowledged, and the other way round',
    unless: noSecondConnection,
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none')]);
      const other = await harness.openAnother!(store);
      await other.append([write('a-1', 1)]);
      await store.append([write('a-1', 2)]);
      assert.equal((await wholeLog(store)).length, 3);
      assert.deepEqual(await wholeLog(other), await wholeLog(store));
      assert.deepEqual(await other.identity(), await store.identity());
    },
  },
  {
    name: 'a connection is woken by what another one appends',
    unless: noSecondConnection,
    async run(harness) {
      const store = await harness.open();
      const other = await harness.openAnother!(store);
      let unsubscribe = (): void => undefined;
      const woken = new Promise<void>((resolve) => (unsubscribe = store.onAppend(resolve)));
      await other.append([write('a-1', 'none')]);
      await eventually(harness, 'a wake-up', woken);
      unsubscribe();
    },
  },
];
