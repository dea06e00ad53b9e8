import assert from 'node:assert/strict';
import type { StateStore } from '@backstory/core';
import { refused } from '../event-store/draft.js';
import { contents, put, type Case } from './state-parts.js';

/** In byte order; UTF-16 and every language would order some of them otherwise. */
const KEYS = [
  '\u0001',
  ' ',
  '"',
  '%',
  "'",
  'A',
  'Z',
  '_',
  'a',
  'a%',
  'a_b',
  'ab',
  'aé',
  'b',
  'é',
  '\uff5e',
  '\u{1f600}',
];

const VALUES = [
  '',
  '{"a": 1 }',
  ' \t\n',
  "'; DROP TABLE x; --",
  '\u{1f600}\ufeff\ufffd\uffff',
  '1e400',
  'x'.repeat(1_000_000),
];

const LONE = '\ud83d';

export const entryCases: readonly Case[] = [
  {
    name: 'keys are listed in the order of their bytes',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', Object.fromEntries([...KEYS].reverse().map((key) => [key, `v${key}`])));
      assert.deepEqual(
        await contents(store, 'c'),
        KEYS.map((key) => [key, `v${key}`]),
      );
      const inside = await store.transaction([], (state) => state.list('c'));
      assert.deepEqual(
        inside.map(({ key }) => key),
        KEYS,
      );
    },
  },
  {
    name: 'a list keeps to prefix, after and limit; a prefix is text, not a pattern',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', Object.fromEntries(KEYS.map((key) => [key, key])));
      await put(store, 'other', { a: 'other' });
      const keys = (query: object) =>
        store.read(async (state) => (await state.list('c', query)).map(({ key }) => key));
      assert.deepEqual(await keys({ prefix: 'a' }), ['a', 'a%', 'a_b', 'ab', 'aé']);
      assert.deepEqual(await keys({ prefix: 'a%' }), ['a%']);
      assert.deepEqual(await keys({ prefix: 'a_' }), ['a_b']);
      assert.deepEqual(await keys({ prefix: '\u{1f600}' }), ['\u{1f600}']);
      assert.deepEqual(await keys({ prefix: 'A' }), ['A']);
      assert.deepEqual(await keys({ after: 'é' }), ['\uff5e', '\u{1f600}']);
      assert.deepEqual(await keys({ after: 'aa', limit: 2 }), ['ab', 'aé']);
      assert.deepEqual(await keys({ prefix: 'a', after: 'a%', limit: 2 }), ['a_b', 'ab']);
      assert.deepEqual(await keys({ prefix: 'a', after: 'Z' }), ['a', 'a%', 'a_b', 'ab', 'aé']);
      assert.deepEqual(await keys({ limit: 0 }), []);
      assert.deepEqual(await keys({ prefix: 'nothing' }), []);
    },
  },
  {
    name: 'a list goes backwards from its upper bound, within the same bounds',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', Object.fromEntries(KEYS.map((key) => [key, key])));
      const keys = (query: object) =>
        store.read(async (state) => (await state.list('c', query)).map(({ key }) => key));
      const reversed = [...KEYS].reverse();
      assert.deepEqual(await keys({ backwards: true }), reversed);
      assert.deepEqual(await keys({ backwards: true, limit: 2 }), reversed.slice(0, 2));
      assert.deepEqual(await keys({ upTo: 'b' }), KEYS.slice(0, KEYS.indexOf('b') + 1));
      assert.deepEqual(await keys({ upTo: 'a0', backwards: true, limit: 1 }), ['a%']);
      assert.deepEqual(await keys({ prefix: 'a', upTo: 'ab', after: 'a', backwards: true }), [
        'ab',
        'a_b',
        'a%',
      ]);
      assert.deepEqual(await keys({ upTo: '' }), []);
      assert.deepEqual(await keys({ upTo: '\uff5e', after: 'é' }), ['\uff5e']);
    },
  },
  {
    name: 'bounds that are no text a key could be are refused',
    async run(harness) {
      const store = await harness.open();
      for (const query of [{ prefix: LONE }, { after: 'a\0' }, { upTo: LONE }, { upTo: 7 as never }]) {
        const listing = store.read((state) => state.list('c', query));
        await refused(listing, 'BACKSTORY_INVALID_STATE_ENTRY', { part: 'key' });
      }
    },
  },
  {
    name: 'deleteMany removes the keys that exist, of one collection',
    async run(harness) {
      const store = await harness.open();
      for (const collection of ['c', 'd']) await put(store, collection, { a: '1', b: '2', x: '3' });
      await store.transaction([], (state) => state.deleteMany('c', ['a', 'never there', 'x']));
      await store.transaction([], (state) => state.deleteMany('c', []));
      assert.deepEqual(await contents(store, 'c'), [['b', '2']]);
      assert.equal((await contents(store, 'd')).length, 3);
    },
  },
  {
    name: 'a list has at most 1,000 entries where no limit is given',
    async run(harness) {
      const store = await harness.open();
      const many = Array.from({ length: 1_002 }, (_, i) => [String(i).padStart(5, '0'), ''] as const);
      await put(store, 'c', Object.fromEntries(many));
      assert.equal((await contents(store, 'c')).length, 1_000);
      assert.equal((await store.read((state) => state.list('c', { limit: 5_000 }))).length, 1_002);
      assert.equal(await store.read((state) => state.count('c')), 1_002);
    },
  },
  {
    name: 'values come back character by character; an empty value is a value',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', Object.fromEntries(VALUES.map((value, i) => [`k${i}`, value])));
      const values = (await contents(store, 'c')).map(([, value]) => value);
      assert.ok(values.length === VALUES.length && values.every((value, i) => value === VALUES[i]));
      assert.equal(await store.read((state) => state.get('c', 'k0')), '');
    },
  },
  {
    name: 'names of JavaScript are keys and collections like any other',
    async run(harness) {
      const store = await harness.open();
      assert.equal(await store.read((state) => state.get('constructor', '__proto__')), undefined);
      await store.transaction([], (state) => state.put('constructor', '__proto__', 'x'));
      assert.deepEqual(await contents(store, 'constructor'), [['__proto__', 'x']]);
      assert.deepEqual(await contents(store, '__proto__'), []);
    },
  },
  {
    name: 'getMany gives the values of the keys that exist, each once',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', { a: '1', b: '2' });
      await put(store, 'd', { x: '9' });
      const found = await store.read((state) => state.getMany('c', ['b', 'x', 'b', 'a']));
      assert.deepEqual([...found].sort(), [
        ['a', '1'],
        ['b', '2'],
      ]);
      assert.equal((await store.read((state) => state.getMany('c', []))).size, 0);
    },
  },
  {
    name: 'collections are apart from each other: clear and delete touch one only',
    async run(harness) {
      const store = await harness.open();
      for (const collection of ['c', 'c2', 'C']) await put(store, collection, { a: collection, b: 'b' });
      await store.transaction([], async (state) => {
        await state.clear('c');
        await state.delete('C', 'a');
        await state.delete('C', 'never there');
      });
      assert.deepEqual(
        [await contents(store, 'c'), await contents(store, 'c2'), await contents(store, 'C')],
        [
          [],
          [
            ['a', 'c2'],
            ['b', 'b'],
          ],
          [['b', 'b']],
        ],
      );
    },
  },
  {
    name: 'the last of several values for one key counts',
    async run(harness) {
      const store = await harness.open();
      const twice = [
        { key: 'a', value: '1' },
        { key: 'a', value: '2' },
      ];
      await store.transaction([], (state) => state.putMany('c', twice));
      assert.deepEqual(await contents(store, 'c'), [['a', '2']]);
    },
  },
  {
    name: 'a key may have 1,024 bytes and a collection 512',
    async run(harness) {
      const store = await harness.open();
      const [collection, key] = ['é'.repeat(256), '\u{1f600}'.repeat(256)];
      await put(store, collection, { [key]: 'v' });
      assert.deepEqual(await contents(store, collection), [[key, 'v']]);
    },
  },
  {
    name: 'bad collections, keys, values and limits are refused, and nothing is written',
    async run(harness) {
      const store = await harness.open();
      for (const collection of ['', 'a\n', LONE, 'é'.repeat(256) + 'x']) {
        await refusesEntry(store, 'collection', (state) => state.put(collection, 'k', 'v'));
        await refusesEntry(store, 'collection', (state) => state.list(collection));
        await refusesEntry(store, 'collection', (state) => state.count(collection));
      }
      for (const key of ['', 'a\0', LONE, '\u{1f600}'.repeat(256) + 'x']) {
        await refusesEntry(store, 'key', (state) => state.put('c', key, 'v'));
        await refusesEntry(store, 'key', (state) =>
          state.putMany('c', [
            { key: 'a', value: 'v' },
            { key, value: 'v' },
          ]),
        );
        await refusesEntry(store, 'key', (state) => state.get('c', key));
        await refusesEntry(store, 'key', (state) => state.getMany('c', ['a', key]));
        await refusesEntry(store, 'key', (state) => state.delete('c', key));
      }
      for (const value of ['a\0', LONE, 7]) {
        await refusesEntry(store, 'value', (state) => state.put('c', 'k', value as string));
      }
      for (const limit of [-1, 1.5, NaN])
        await refusesEntry(store, 'limit', (state) => state.list('c', { limit }));
      assert.deepEqual(await contents(store, 'c'), []);
    },
  },
];

type Transaction = Parameters<Parameters<StateStore['transaction']>[1]>[0];

async function refusesEntry(
  store: StateStore,
  part: string,
  work: (state: Transaction) => Promise<unknown>,
): Promise<void> {
  await refused(store.transaction([], work), 'BACKSTORY_INVALID_STATE_ENTRY', { part });
}
