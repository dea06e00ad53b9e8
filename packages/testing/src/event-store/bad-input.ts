import assert from 'node:assert/strict';
import type { EventStore, InvalidAppend, LogQuery, StampedEvent, Write } from '@backstory/core';
import { LIMITS } from '@backstory/core/store';
import { event, events, eventsOf, refused, write, writesNothing } from './draft.js';
import type { Case } from './harness-parts.js';

/** An append that no store may accept, and where it is wrong. */
interface BadAppend {
  readonly path: string;
  readonly writes: unknown;
}

const LONE = '\ud83d';
const DEEP = '['.repeat(501) + ']'.repeat(501);

const BAD_APPENDS: Readonly<Partial<Record<InvalidAppend['problem'], readonly BadAppend[]>>> = {
  empty: [
    { path: 'writes', writes: [] },
    { path: 'writes', writes: undefined },
    { path: 'writes[0].events', writes: [{ stream: 'a-1', expected: 'any', events: [] }] },
    {
      path: 'writes[1].events',
      writes: [write('a-1', 'any'), { stream: 'a-2', expected: 'any', events: [] }],
    },
  ],
  stream: ['', 'a\n', 'a\u0000', 'a\u0085', LONE, 'é'.repeat(256) + 'x', 7].map((stream) => ({
    path: 'writes[0].stream',
    writes: [{ ...write('a-1', 'any'), stream }],
  })),
  'stream-twice': [{ path: 'writes[1].stream', writes: [write('a-1', 'any'), write('a-1', 'any')] }],
  expected: [-1, 1.5, NaN, 2 ** 53, '1', 'no', null, undefined].map((expected) => ({
    path: 'writes[0].expected',
    writes: [{ ...write('a-1', 'any'), expected }],
  })),
  id: ['', 'i\t', LONE, 'é'.repeat(64) + 'x', undefined].map((id) => inEvent('id', { id })),
  'id-twice': twice(event()),
  type: ['', 't\u007f', LONE, '\u{1f600}'.repeat(64) + 'x', null].map((type) => inEvent('type', { type })),
  'schema-version': [0, -1, 1.5, 2 ** 31, '1', undefined].map((schemaVersion) =>
    inEvent('schemaVersion', { schemaVersion }),
  ),
  data: ['', '{', 'undefined', "{'a':1}", '"\u0000"', `"${LONE}"`, undefined, { a: 1 }].map((data) =>
    inEvent('data', { data }),
  ),
  metadata: badMetadata(),
  'too-large': [tooLarge()],
  'too-many': [{ path: 'writes', writes: [write('a-1', 'any', ...events(LIMITS.appendEvents + 1))] }],
  'too-deep': [inEvent('data', { data: DEEP })],
};

const BAD_QUERIES: Readonly<Record<string, readonly unknown[]>> = {
  after: [-1, 1.5, NaN, '1', 2 ** 53],
  upTo: [-1, 0.5, Infinity],
  limit: [-1, 1.5, '3'],
  pageSize: [0, -1, 10_001, 2.5],
  types: ['t.one', [1], [null]],
  streams: ['a-1', { a: 1 }],
  categories: ['a', [undefined]],
  ids: ['x', 3],
  correlationIds: ['c', [1]],
  causationIds: [1, {}],
  recordedFrom: [0, '2026-01-01', new Date(NaN)],
  recordedUpTo: [1, null, new Date(NaN)],
  // Misspelt: a filter that is passed over would let everything through.
  correlationId: [['c']],
};

const NAME_FILTERS = ['types', 'streams', 'categories', 'ids', 'correlationIds', 'causationIds'] as const;

/** 7. Bad input is refused with the same error by every store, before anything is written. */
export const badInputCases: readonly Case[] = [
  ...Object.entries(BAD_APPENDS).map(([problem, bad]): Case => ({
    name: `an append with the problem "${problem}" is refused, naming the place, and nothing is written`,
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-0', 'none')]);
      for (const { path, writes } of bad) {
        const append = () => store.append(writes as Write[]);
        await writesNothing(store, () => refused(append(), 'BACKSTORY_INVALID_APPEND', { problem, path }));
      }
    },
  })),
  {
    name: 'bad input is refused before identity and version are looked at, its neighbours are recorded',
    async run(harness) {
      const store = await harness.open();
      const first = event();
      await store.append([write('a-1', 'none', first)]);
      const bad = [write('a-1', 'none', { ...first, data: '{' })];
      const [before, refusal, after] = await Promise.allSettled([
        store.append([write('a-2', 'none')]),
        store.append(bad),
        store.append([write('a-3', 'none')]),
      ]);
      assert.deepEqual([before.status, after.status], ['fulfilled', 'fulfilled']);
      const rejected =
        refusal.status === 'rejected' ? Promise.reject(refusal.reason as Error) : Promise.resolve();
      await refused(rejected, 'BACKSTORY_INVALID_APPEND', { problem: 'data' });
    },
  },
  {
    name: 'a read of the log with bounds or filters that mean nothing is refused, naming the option',
    async run(harness) {
      const store = await harness.open();
      await refusesQueries((query) => eventsOf(store.readAll(query)), Object.keys(BAD_QUERIES));
    },
  },
  {
    name: 'a read of a stream with bounds that mean nothing is refused, naming the option',
    async run(harness) {
      const store = await harness.open();
      const read = (slice: LogQuery) => eventsOf(store.readStream('a-1', slice));
      await refusesQueries(read, ['after', 'upTo', 'limit', 'pageSize', 'recordedUpTo', 'correlationId']);
      const slice = { upToPosition: -1 };
      await refused(eventsOf(store.readStream('a-1', slice)), 'BACKSTORY_INVALID_QUERY', {
        option: 'upToPosition',
      });
    },
  },
  {
    name: 'a listing of streams with options that mean nothing is refused, naming the option',
    async run(harness) {
      const store = await harness.open();
      await refusesQueries(
        (query) => listed(store, query),
        ['limit', 'pageSize', 'categories', 'correlationId'],
      );
      await refused(listed(store, { after: 3 }), 'BACKSTORY_INVALID_QUERY', { option: 'after' });
    },
  },
  {
    name: 'a name that no event can have is refused in every filter',
    async run(harness) {
      const store = await harness.open();
      await store.append([
        write('\ufffd', 'none', event({ type: '\ufffd', id: '\ufffd', causationId: '\ufffd' })),
      ]);
      for (const name of [LONE, 'a\u0000b']) {
        for (const option of NAME_FILTERS) {
          const query = { [option]: [name], scan: true };
          await refused(eventsOf(store.readAll(query)), 'BACKSTORY_INVALID_QUERY', { option });
        }
        await refused(listed(store, { after: name }), 'BACKSTORY_INVALID_QUERY', { option: 'after' });
      }
    },
  },
];

function inEvent(field: keyof StampedEvent, wrong: object): BadAppend {
  const path = `writes[1].events[1].${field}`;
  return {
    path,
    writes: [
      write('a-1', 'any'),
      { stream: 'a-2', expected: 'any', events: [event(), { ...event(), ...wrong }] },
    ],
  };
}

function twice(one: StampedEvent): readonly BadAppend[] {
  return [
    { path: 'writes[0].events[1].id', writes: [write('a-1', 'any', one, one)] },
    { path: 'writes[1].events[0].id', writes: [write('a-1', 'any', one), write('a-2', 'any', one)] },
  ];
}

function badMetadata(): readonly BadAppend[] {
  const good = JSON.parse(event().metadata) as object;
  const wrong = (field: string, value: unknown): BadAppend => {
    const metadata = JSON.stringify({ ...good, [field]: value });
    return { ...inEvent('metadata', { metadata }), path: `writes[1].events[1].metadata.${field}` };
  };
  return [
    ...['[]', 'null', '"text"', '{', undefined].map((metadata) => inEvent('metadata', { metadata })),
    wrong('correlationId', undefined),
    wrong('correlationId', 'c'.repeat(129)),
    wrong('causationId', ''),
    wrong('causationId', null),
    wrong('source', 1),
    wrong('occurredAt', 'yesterday'),
    wrong('occurredAt', '2026-01-02T03:04:05Z'),
    wrong('occurredAt', 1_700_000_000_000),
  ];
}

function tooLarge(): BadAppend {
  const small = event({ data: '""' });
  const room = LIMITS.event - Buffer.byteLength(small.metadata) - 2;
  const data = `"${'é'.repeat(Math.floor(room / 2))}${room % 2 ? 'xy' : 'x'}"`;
  return { path: 'writes[0].events[0]', writes: [write('a-1', 'any', { ...small, data })] };
}

async function refusesQueries(
  read: (query: LogQuery) => Promise<unknown>,
  options: readonly string[],
): Promise<void> {
  for (const option of options) {
    for (const value of BAD_QUERIES[option]!) {
      await refused(read({ [option]: value }), 'BACKSTORY_INVALID_QUERY', { option });
    }
  }
}

async function listed(store: EventStore, query: object): Promise<void> {
  for await (const _ of store.listStreams(query));
}
