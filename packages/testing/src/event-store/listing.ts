import assert from 'node:assert/strict';
import type { StreamHead } from '@backstory/core';
import { events, wholeLog, write } from './draft.js';
import type { Case } from './harness-parts.js';

/** Names whose order differs between bytes, UTF-16 and languages. */
const NAMES = ['Z-1', 'a', 'a-', 'a-1', 'a-10', 'a-2', 'b-1', 'ä-1', '\uff5e-1', '\u{1f600}-1'];

export const listingCases: readonly Case[] = [
  {
    name: 'streams are listed in byte order of their names, each with its last event',
    async run(harness) {
      const store = await harness.open();
      for (const name of [...NAMES].reverse()) await store.append([write(name, 'none', ...events(2))]);
      await store.append([write('a-1', 2)]);
      const log = await wholeLog(store);
      const heads = NAMES.map((name): StreamHead => {
        const { stream, version, position, recordedAt } = log.filter((it) => it.stream === name).at(-1)!;
        return { stream, version, position, recordedAt };
      });
      assert.deepEqual((await listed(store.listStreams())).flat(), heads);
    },
  },
  {
    name: 'a listing of streams keeps to after, limit, pageSize and categories',
    async run(harness) {
      const store = await harness.open();
      for (const name of NAMES) await store.append([write(name, 'none')]);
      const names = async (query: object) =>
        (await listed(store.listStreams(query))).map((page) => page.map(({ stream }) => stream));
      assert.deepEqual((await names({ after: 'a-10' })).flat(), NAMES.slice(5));
      assert.deepEqual((await names({ after: 'a-11' })).flat(), NAMES.slice(5));
      assert.deepEqual((await names({ categories: ['a', 'ä'] })).flat(), [
        'a',
        'a-',
        'a-1',
        'a-10',
        'a-2',
        'ä-1',
      ]);
      assert.deepEqual((await names({ limit: 3, after: 'Z-1' })).flat(), ['a', 'a-', 'a-1']);
      const pages = (await names({ pageSize: 4 })).filter((page) => page.length > 0);
      assert.deepEqual(pages, [NAMES.slice(0, 4), NAMES.slice(4, 8), NAMES.slice(8)]);
      assert.deepEqual((await names({ limit: 0 })).flat(), []);
      assert.deepEqual((await names({ categories: [] })).flat(), []);
      const limited = await names({ limit: 5, pageSize: 2 });
      assert.deepEqual(limited.flat(), NAMES.slice(0, 5));
    },
  },
  {
    name: 'system streams are left out of a listing unless they are asked for or named',
    async run(harness) {
      const store = await harness.open();
      for (const name of ['a-1', '_ops-1']) await store.append([write(name, 'none')]);
      const names = async (query: object) =>
        (await listed(store.listStreams(query))).flat().map(({ stream }) => stream);
      assert.deepEqual(await names({}), ['a-1']);
      assert.deepEqual(await names({ includeSystem: true }), ['_ops-1', 'a-1']);
      assert.deepEqual(await names({ categories: ['_ops'] }), ['_ops-1']);
    },
  },
];

async function listed(pages: AsyncIterable<readonly StreamHead[]>): Promise<(readonly StreamHead[])[]> {
  const all: (readonly StreamHead[])[] = [];
  for await (const page of pages) all.push(page);
  return all;
}
