import assert from 'node:assert/strict';
import { LIMITS } from '@backstory/core/store';
import { event, eventsOf, wholeLog, write } from './draft.js';
import { noClock, type Case } from './harness-parts.js';

/** JSON texts that a store is tempted to read and write again, or to take for something else. */
const HOSTILE_DATA: readonly string[] = [
  'null',
  'true',
  '-0',
  '""',
  '1e400',
  '123456789012345678901234567890.10',
  '1.0',
  '{"b":1,"a":2,"10":3,"9":4}',
  '{"a":1,"a":2}',
  ' \t\n{ "spaced" : [ 1 , 2 ] }\r\n ',
  '{"__proto__":{"x":1},"constructor":null,"":0}',
  '"\\u0000\\u001f"',
  '"\\ud800 \\udc00 \\ud83d\\ude00"',
  '"\\/\\b\\u00e9"',
  '"it\'s \\"quoted\\" \\\\ `back` $1 %s ; DROP TABLE events; --"',
  '"\u{1f600} \uff5e \u2028\u2029 e\u0301 é \ufeff \u202e \ufffd \uffff"',
  '[[[[[[[[[[]]]]]]]]]]',
];

/** 7. Any text survives exactly. */
export const valueCases: readonly Case[] = [
  {
    name: 'data and metadata come back character by character as they were written',
    async run(harness) {
      const store = await harness.open();
      const given = HOSTILE_DATA.map((data) => event({ data, metadata: hostileMetadata(data) }));
      await store.append([write('a-1', 'none', ...given)]);
      const stored = await eventsOf(store.readStream('a-1'));
      const texts = ({ data, metadata }: { data: string; metadata: string }) => [data, metadata];
      assert.deepEqual(stored.map(texts), given.map(texts));
      assert.deepEqual(await wholeLog(store), stored);
    },
  },
  {
    name: 'names come back exactly, up to their limits in bytes',
    async run(harness) {
      const store = await harness.open();
      const names = [
        {
          stream: 'a-'.padEnd(LIMITS.stream, 'x'),
          type: 't'.repeat(LIMITS.type),
          id: 'i'.repeat(LIMITS.idBytes),
        },
        { stream: '\u{1f600}'.repeat(128), type: 'é'.repeat(128), id: '\uff5e'.repeat(42) + 'ab' },
        { stream: 'a-\'; --"`$1%', type: ' "quoted" ', id: "' OR 1=1" },
        { stream: 'a- e\u0301', type: '\ufeff\ufffd\u202e', id: 'é' },
      ];
      for (const { stream, type, id } of names) {
        const given = event({ type, id, causationId: id, schemaVersion: 2 ** 31 - 1 });
        await store.append([write(stream, 'none', given)]);
        const found = await eventsOf(store.readStream(stream));
        assert.deepEqual(
          found.map((it) => [it.stream, it.type, it.id, it.schemaVersion]),
          [[stream, type, id, 2 ** 31 - 1]],
        );
        for (const query of [
          { ids: [id] },
          { types: [type] },
          { streams: [stream] },
          { causationIds: [id] },
        ]) {
          assert.deepEqual(await eventsOf(store.readAll({ ...query, scan: true })), found);
        }
      }
    },
  },
  {
    name: 'an event as large as an event may be survives',
    async run(harness) {
      const store = await harness.open();
      const small = event({ data: '""' });
      const room = LIMITS.event - Buffer.byteLength(small.metadata) - 2;
      const data = `"${'é'.repeat(Math.floor(room / 2))}${room % 2 ? 'x' : ''}"`;
      await store.append([write('a-1', 'none', { ...small, data })]);
      const [stored] = await eventsOf(store.readStream('a-1'));
      assert.ok(stored?.data === data, 'the data came back as it was');
    },
  },
  {
    name: 'one append may have 10,000 events',
    async run(harness) {
      const store = await harness.open();
      const given = Array.from({ length: LIMITS.appendEvents }, () => event());
      const { writes } = await store.append([write('a-1', 'none', ...given)]);
      assert.equal(writes[0]?.version, 10_000);
      assert.deepEqual(
        (await wholeLog(store)).map(({ id }) => id),
        given.map(({ id }) => id),
      );
    },
  },
  {
    name: 'what is changed after the call was made is not what is recorded',
    async run(harness) {
      const store = await harness.open();
      const given = { ...event({ data: '"before"' }) };
      const list = [given];
      const append = store.append([{ stream: 'a-1', expected: 'none', events: list }]);
      given.data = '"after"';
      list.push(event());
      await append;
      assert.deepEqual(
        (await wholeLog(store)).map(({ data }) => data),
        ['"before"'],
      );
    },
  },
  {
    name: 'events are recorded in whole milliseconds, by the store, and told alike by append and reads',
    async run(harness) {
      const store = await harness.open();
      const began = Date.now();
      const { recordedAt } = await store.append([write('a-1', 'none')]);
      assert.ok(Number.isInteger(recordedAt.getTime()));
      assert.ok(Math.abs(recordedAt.getTime() - began) < 3_600_000, 'the clock is not hours away');
      assert.deepEqual(
        (await wholeLog(store)).map((it) => it.recordedAt),
        [recordedAt],
      );
    },
  },
  {
    name: 'recorded times never fall, also when the clock is set back',
    unless: noClock,
    async run(harness) {
      let now = 0;
      const store = await harness.openWithClock!(() => now);
      for (now of [5_000.9, 4_000, 5_000, 6_000.2, 1]) await store.append([write('a-1', 'any')]);
      const times = (await wholeLog(store)).map(({ recordedAt }) => recordedAt.getTime());
      assert.deepEqual(times, [5_000, 5_000, 5_000, 6_000, 6_000]);
    },
  },
];

function hostileMetadata(own: string): string {
  return `{ "own":${own}, "source":"s","occurredAt":"2026-01-02T03:04:05.678Z" ,"10":1,"9":1.0,"correlationId":"c"}`;
}
