import assert from 'node:assert/strict';
import type { EventStore, LogPage, StampedEvent, StoredEvent } from '@backstory/core';
import { event, events, refused, wholeLog, write, writesNothing } from './draft.js';
import { oneStreamOnly, type Case } from './harness-parts.js';

/** A log as it comes out of an archive: gaps between positions, equal times, a system stream. */
function archive(): StoredEvent[] {
  const at = (
    stream: string,
    [version, position, appendIndex]: readonly [number, number, number],
    time: number,
  ): StoredEvent => ({
    ...event({ data: ` {"position" : ${position}} ` }),
    ...{ stream, version, position, appendIndex },
    recordedAt: new Date(time),
  });
  return [
    at('a-1', [1, 3, 0], 1_000),
    at('b-1', [1, 4, 0], 1_000),
    at('a-1', [2, 10, 0], 2_000),
    at('_ops-1', [1, 12, 1], 2_000),
    at('b-1', [2, 1_000_000, 0], 3_000),
  ];
}

export const restoreCases: readonly Case[] = [
  {
    name: 'a restored log is the log it was: ids, versions, positions, times and texts',
    async run(harness) {
      const store = await harness.open();
      const given = archive();
      const { logId } = await store.identity();
      const identity = await store.restore(inPages(given));
      const headId = given.at(-1)?.id;
      assert.deepEqual(identity, { logId, epoch: 1, epochStart: 0, head: 1_000_000, headId });
      assert.deepEqual([await wholeLog(store), await store.identity()], [given, identity]);
    },
  },
  {
    name: 'a log read from one store and restored into another is the same',
    async run(harness) {
      const [from, to] = [await harness.open(), await harness.open()];
      for (let i = 0; i < 9; i++) await from.append([write(`a-${i % 2}`, 'any', ...events(2))]);
      await to.restore(from.readAll({ includeSystem: true, pageSize: 4 }));
      const log = await wholeLog(to);
      assert.equal(log.length, 18);
      assert.deepEqual(log, await wholeLog(from));
    },
  },
  {
    name: 'a restored log is appended to where it ends',
    async run(harness) {
      const store = await harness.open();
      await store.restore(inPages(archive()));
      await refused(store.append([write('a-1', 1)]), 'BACKSTORY_VERSION_CONFLICT', { actual: 2 });
      const result = await store.append([write('a-1', 2)]);
      assert.ok(result.position > 1_000_000);
      assert.equal(result.writes[0]?.version, 3);
      assert.ok(result.recordedAt.getTime() >= 3_000);
    },
  },
  {
    name: 'an append that was restored is recognised when it is sent again',
    unless: oneStreamOnly,
    async run(harness) {
      const [from, to] = [await harness.open(), await harness.open()];
      const append = [write('a-1', 'none', ...events(2)), write('b-1', 'none')];
      await from.append([write('b-2', 'none')]);
      const first = await from.append(append);
      await from.append([write('a-1', 2)]);
      await to.restore(from.readAll());
      await writesNothing(to, async () =>
        assert.deepEqual(await to.append(append), { ...first, repeated: true }),
      );
      const recorded = append[0]!.events;
      const more = [write('a-1', 'any', ...recorded, event())];
      await writesNothing(to, () => refused(to.append(more), 'BACKSTORY_EVENT_ID_REUSED'));
      await writesNothing(to, () =>
        refused(to.append([write('c-1', 'any', recorded[0]!)]), 'BACKSTORY_EVENT_ID_REUSED'),
      );
    },
  },
  {
    name: 'a log that has events is not restored into',
    async run(harness) {
      const store = await harness.open();
      const { position } = await store.append([write('a-1', 'none')]);
      await writesNothing(store, () =>
        refused(store.restore(inPages(archive())), 'BACKSTORY_LOG_NOT_EMPTY', { head: position }),
      );
      await writesNothing(store, () => refused(store.restore([]), 'BACKSTORY_LOG_NOT_EMPTY'));
    },
  },
  ...badRestores(),
  {
    name: 'a restore whose pages end with an error leaves the log empty and ready to be restored again',
    async run(harness) {
      const store = await harness.open();
      const given = archive();
      const failing = async function* (): AsyncGenerator<LogPage> {
        yield* inPages(given.slice(0, 4));
        throw new Error('the archive ends here');
      };
      await assert.rejects(store.restore(failing()), /the archive ends here/);
      assert.deepEqual([await wholeLog(store), (await store.identity()).head], [[], 0]);
      await store.restore(inPages(given));
      assert.equal((await wholeLog(store)).length, 5);
    },
  },
  {
    name: 'an append from a restored log is known again, and nothing less or more than it',
    unless: oneStreamOnly,
    async run(harness) {
      const store = await harness.open();
      const log = archive();
      await store.restore(inPages(log));
      const again = (...at: number[]) =>
        store.append(
          at.map((i) => ({ stream: log[i]!.stream, expected: 'none', events: [stamped(log[i]!)] })),
        );
      const { position, repeated, writes } = await again(2, 3);
      assert.deepEqual({ position, repeated }, { position: 12, repeated: true });
      assert.deepEqual(writes, [
        { stream: 'a-1', version: 2, position: 10 },
        { stream: '_ops-1', version: 1, position: 12 },
      ]);
      for (const other of [[2], [3], [0, 1], [3, 4]]) {
        await assert.rejects(again(...other), { code: 'BACKSTORY_EVENT_ID_REUSED' });
      }
      assert.deepEqual(await wholeLog(store), log);
    },
  },
  {
    name: 'a restore of nothing leaves an empty log',
    async run(harness) {
      const store = await harness.open();
      assert.equal((await store.restore([{ events: [], through: 9 }])).head, 0);
      await restoreAfterAppend(store);
    },
  },
];

/** Archives that are no log. Each is good up to its last page. */
function badRestores(): Case[] {
  const change = (at: number, fields: Partial<StoredEvent>) => (log: StoredEvent[]) =>
    log.map((one, i) => (i === at ? { ...one, ...fields } : one));
  const bad: Record<string, { problem: string; spoil: (log: StoredEvent[]) => StoredEvent[] }> = {
    'positions that do not rise': { problem: 'restore-order', spoil: change(4, { position: 11 }) },
    'a position of zero': { problem: 'restore-order', spoil: change(0, { position: 0 }) },
    'a position that is no whole number': { problem: 'restore-order', spoil: change(4, { position: 20.5 }) },
    'times that fall': { problem: 'restore-order', spoil: change(4, { recordedAt: new Date(1_999) }) },
    'a time of which the year has five digits': {
      problem: 'restore-order',
      spoil: change(4, { recordedAt: new Date('+010000-01-01T00:00:00.000Z') }),
    },
    'a time that is none': { problem: 'restore-order', spoil: change(4, { recordedAt: new Date(NaN) }) },
    'a place in an append that follows none': {
      problem: 'restore-order',
      spoil: change(1, { appendIndex: 2 }),
    },
    'a place in an append that is no place': {
      problem: 'restore-order',
      spoil: change(1, { appendIndex: -1 }),
    },
    'a version that is missing': { problem: 'restore-order', spoil: change(4, { version: 3 }) },
    'a version that comes twice': { problem: 'restore-order', spoil: change(4, { version: 1 }) },
    'an id that comes twice': { problem: 'id-twice', spoil: (log) => change(4, { id: log[0]!.id })(log) },
    'an id that comes twice in a page': {
      problem: 'id-twice',
      spoil: (log) => change(3, { id: log[2]!.id })(log),
    },
    'data that is not JSON': { problem: 'data', spoil: change(4, { data: '{' }) },
    'a stream without a name': { problem: 'stream', spoil: change(4, { stream: '' }) },
  };
  return Object.entries(bad).map(([what, { problem, spoil }]) => ({
    name: `an archive with ${what} is refused whole`,
    async run(harness) {
      const store = await harness.open();
      const pages = inPages(spoil(archive()));
      await writesNothing(store, () =>
        refused(store.restore(pages), 'BACKSTORY_INVALID_APPEND', { problem }),
      );
    },
  }));
}

function inPages(log: readonly StoredEvent[]): LogPage[] {
  const pages: LogPage[] = [];
  for (let i = 0; i < log.length; i += 2) {
    const page = log.slice(i, i + 2);
    pages.push({ events: page, through: page.at(-1)!.position });
  }
  return pages;
}

async function restoreAfterAppend(store: EventStore): Promise<void> {
  await store.append([write('a-1', 'none')]);
  await refused(store.restore([]), 'BACKSTORY_LOG_NOT_EMPTY');
}

function stamped({ id, type, schemaVersion, data, metadata }: StoredEvent): StampedEvent {
  return { id, type, schemaVersion, data, metadata };
}
