import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EventStore, LogQuery, StoredEvent, StreamSlice } from '@backstory/core';
import type { EventStoreHarness } from '../event-store-harness.js';
import { event, events, pagesOf, wholeLog, write } from './draft.js';
import { turn, type Case } from './harness-parts.js';
import { assertPages, matchingQuery, matchingSlice } from './page-rules.js';

const STREAMS = ['a-1', 'a-2', 'b-1', 'b', '_ops-1'];
const TYPES = ['t.one', 't.two', 't.three'];

/** Random reads against the naive reading of the port's sentences. */
export const pagesModelCases: readonly Case[] = [
  {
    name: 'any read of the log with any filters gives what a naive reading of its query gives',
    async run(harness) {
      const { store, log } = await filled(harness);
      const { unindexed } = harness.capabilities;
      const property = fc.asyncProperty(queries(log), async (query) => {
        const scan = unindexed.some((filter) => query[filter] !== undefined) ? { scan: true } : {};
        const pages = await pagesOf(store.readAll({ ...query, ...scan }));
        const head = log.at(-1)!.position;
        const matching = matchingQuery(log, query);
        assertPages(pages, { bounds: query, place: ({ position }) => position, matching, head });
      });
      await fc.assert(property, { numRuns: 400, ...seedOf(harness) });
    },
  },
  {
    name: 'any read of a stream gives what a naive reading of its slice gives',
    async run(harness) {
      const { store, log } = await filled(harness);
      const stream = fc.constantFrom(...STREAMS, 'nobody-1');
      const property = fc.asyncProperty(stream, slices(log), async (name, slice) => {
        const pages = await pagesOf(store.readStream(name, slice));
        const matching = matchingSlice(log, name, slice);
        const { upToPosition, recordedUpTo } = slice;
        const head = matchingSlice(log, name, {
          ...(upToPosition !== undefined && { upToPosition }),
          ...(recordedUpTo && { recordedUpTo }),
        });
        assertPages(pages, { bounds: slice, place: ({ version }) => version, matching, head: head.length });
      });
      await fc.assert(property, { numRuns: 300, ...seedOf(harness) });
    },
  },
  {
    name: 'no page says that it looked further than it did while others append',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(3))]);
      let writing = true;
      const written = appendForAWhile(store).finally(() => (writing = false));
      written.catch(() => undefined); // awaited below
      const seen: { after: number; through: number; ids: readonly string[] }[] = [];
      do {
        let after = 0;
        const query = { types: ['t.one', 'thing.happened'], pageSize: 5 };
        for await (const page of store.readAll(query)) {
          seen.push({ after, through: page.through, ids: page.events.map(({ id }) => id) });
          after = page.through;
        }
        await turn();
      } while (writing);
      await written;
      const log = (await wholeLog(store)).filter(({ type }) => type !== 't.two');
      assert.equal(log.length, 63);
      for (const { after, through, ids } of seen) {
        const due = log.filter(({ position }) => position > after && position <= through);
        assert.deepEqual(
          ids,
          due.map(({ id }) => id),
        );
      }
    },
  },
];

function seedOf({ seed }: EventStoreHarness): { seed?: number } {
  return seed === undefined ? {} : { seed };
}

/** Sixty events in five streams with a few types, correlations and causes. */
async function filled(harness: EventStoreHarness): Promise<{ store: EventStore; log: StoredEvent[] }> {
  const store = await harness.open();
  for (let i = 0; i < 60; i++) {
    const draft = { type: TYPES[((i * 7) % 5) % 3]!, correlationId: `c-${(i * 5) % 4}` };
    const given = event({ ...draft, ...(i % 3 > 0 && { causationId: `e-${i % 5}` }) });
    await store.append([write(STREAMS[(i * i + (i % 3)) % STREAMS.length]!, 'any', given)]);
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2)); // times that differ
  }
  const log = await wholeLog(store);
  assert.equal(log.length, 60);
  return { store, log };
}

function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

/** Without the keys whose value is `undefined`. */
function given<T extends object>(
  record: fc.Arbitrary<{ [K in keyof T]: T[K] | undefined }>,
): fc.Arbitrary<T> {
  return record.map(
    (one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as T,
  );
}

function commonBounds(log: readonly StoredEvent[], last: number) {
  const around = fc
    .constantFrom(...log)
    .chain(({ recordedAt }) =>
      fc.integer({ min: -1, max: 1 }).map((ms) => new Date(recordedAt.getTime() + ms)),
    );
  return {
    after: maybe(fc.nat(last + 3)),
    upTo: maybe(fc.nat(last + 3)),
    backwards: maybe(fc.boolean()),
    limit: maybe(fc.nat(12)),
    pageSize: maybe(fc.integer({ min: 1, max: 9 })),
    recordedUpTo: maybe(around),
  };
}

function queries(log: readonly StoredEvent[]): fc.Arbitrary<LogQuery> {
  const some = (names: readonly string[], max: number) =>
    fc.array(fc.constantFrom(...names), { maxLength: max });
  const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
  const { recordedUpTo, ...bounds } = commonBounds(log, log.at(-1)!.position);
  return given<LogQuery>(
    fc.record({
      ...bounds,
      recordedUpTo,
      recordedFrom: recordedUpTo,
      categories: rarely(some(['a', 'b', '_ops', 'c'], 3)),
      streams: rarely(some([...STREAMS, 'a-3'], 4)),
      types: rarely(some([...TYPES, 't.none'], 3)),
      ids: rarely(
        some(
          log.map(({ id }) => id),
          20,
        ),
      ),
      correlationIds: rarely(some(['c-0', 'c-1', 'c-9'], 2)),
      causationIds: rarely(some(['e-1', 'e-2', 'e-9'], 2)),
      includeSystem: maybe(fc.boolean()),
    }),
  );
}

function slices(log: readonly StoredEvent[]): fc.Arbitrary<StreamSlice> {
  const upToPosition = maybe(fc.nat(log.at(-1)!.position + 3));
  return given<StreamSlice>(fc.record({ ...commonBounds(log, 16), upToPosition }));
}

async function appendForAWhile(store: EventStore): Promise<void> {
  for (let i = 0; i < 30; i++) {
    const appends = ['t.one', 't.two', 't.one'].map((type, n) =>
      store.append([write(`b-${n}`, 'any', event({ type }))]),
    );
    await Promise.all(appends);
    if (i % 3 === 0) await turn();
  }
}
