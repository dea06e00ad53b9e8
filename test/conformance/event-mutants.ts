import type {
  AppendResult,
  EventStore,
  LogPage,
  LogQuery,
  StampedEvent,
  StoredEvent,
  Write,
} from '@backstory/core';
import { VersionConflict } from '@backstory/core';
import { MemoryEventStore, type MemoryLog } from '@backstory/core/store';
import { delegating } from './delegating.js';

/** The memory store with one defect that a real store might have, and the case that must notice it. */
export interface EventMutant {
  readonly defect: string;
  readonly killedBy: string;
  readonly make: (clock: { readonly now?: () => number }, log: MemoryLog) => EventStore;
}

type Defect = (store: EventStore, now: () => number) => Partial<EventStore>;

export const eventMutants: readonly EventMutant[] = [
  mutant(
    'upTo is left out',
    'bounds are exact in both directions: after is left out, upTo is included',
    (store) => ({
      readAll: ({ upTo, ...query } = {}) => store.readAll({ ...query, ...(upTo && { upTo: upTo - 1 }) }),
    }),
  ),
  mutant(
    'after is included',
    'bounds are exact in both directions: after is left out, upTo is included',
    (store) => ({
      readStream: (stream, { after = 0, ...slice } = {}) =>
        store.readStream(stream, { ...slice, after: Math.max(0, after - 1) }),
    }),
  ),
  mutant(
    'backwards the bounds change places',
    'any read of the log with any filters gives what a naive reading of its query gives',
    (store) => ({
      readAll: (query = {}) => {
        const { after = 0, upTo = 2 ** 52, backwards } = query;
        const swapped = { after: Math.max(0, after - 1), upTo: Math.max(0, upTo - 1) };
        return store.readAll(backwards ? { ...query, ...swapped } : query);
      },
    }),
  ),
  mutant(
    'a limit counts events a page',
    'a limit counts events in all, not events a page, and zero gives none',
    (store) => ({
      readAll: ({ limit, ...query } = {}) => store.readAll({ ...query, ...(limit && { pageSize: limit }) }),
    }),
  ),
  mutant(
    "'exists' is taken for 'any'",
    "expecting 'exists' of a stream with 0 events is a conflict",
    (store) => ({
      append: (writes) => store.append(withExpected(writes, (it) => (it === 'exists' ? 'any' : it))),
    }),
  ),
  mutant(
    "'none' is taken for 'any'",
    "expecting 'none' of a stream with 2 events is a conflict",
    (store) => ({
      append: (writes) => store.append(withExpected(writes, (it) => (it === 'none' ? 'any' : it))),
    }),
  ),
  mutant(
    'a higher expected version is let through',
    'expecting 3 of a stream with 2 events is a conflict',
    (store) => ({
      append: async (writes) => {
        const lowered = await Promise.all(
          writes.map(async (one) => ({ ...one, expected: await notAbove(store, one) })),
        );
        return store.append(lowered);
      },
    }),
  ),
  mutant(
    'a conflict is answered as if it had been recorded',
    'of twenty concurrent writers at one expected version one wins, the others learn the version',
    (store) => ({
      append: (writes) =>
        store.append(writes).catch((error: unknown) => {
          if (error instanceof VersionConflict) return plausible(writes);
          throw error;
        }),
    }),
  ),
  mutant(
    'the head is another event',
    'a new log has an id of its own, epoch 1 and head 0; the head is the last position',
    (store) => ({
      identity: async () => {
        const { head, ...identity } = await store.identity();
        return head === 0 ? { head, ...identity } : { head, ...identity, headId: 'another' };
      },
    }),
  ),
  mutant(
    'the version is checked before the identity',
    'a repeated append returns the first result after the stream has moved on',
    (store) => ({
      append: async (writes) => {
        for (const { stream, expected } of writes) {
          const actual = await versionOf(store, stream);
          const said = expected === 'none' ? 0 : expected;
          if (typeof said === 'number' && said !== actual) throw new VersionConflict(stream, said, actual);
        }
        return store.append(writes);
      },
    }),
  ),
  mutant(
    'the identity is the first id alone',
    'no repetition but a re-used id: the first events of a recorded append alone',
    (store) => {
      const known = new Map<string, AppendResult>();
      return {
        append: async (writes) => {
          const first = known.get(writes[0]?.events?.[0]?.id ?? '');
          if (first) return { ...first, repeated: true };
          const result = await store.append(writes);
          known.set(result.appendId, result);
          return result;
        },
      };
    },
  ),
  mutant(
    'a repeated append is not marked',
    'an append sent again returns the first result, marked as repeated, and records nothing',
    (store) => ({ append: async (writes) => ({ ...(await store.append(writes)), repeated: false }) }),
  ),
  mutant(
    'a repeated append tells where the log is now',
    'a repeated append returns the first result after the stream has moved on',
    (store) => ({
      append: async (writes) => ({
        ...(await store.append(writes)),
        position: (await store.identity()).head,
      }),
    }),
  ),
  mutant(
    'a used id is given a new one',
    'no repetition but a re-used id: a new event followed by a recorded one',
    (store) => ({
      append: (writes) =>
        store.append(writes).catch((error: { code?: string }) => {
          if (error.code !== 'BACKSTORY_EVENT_ID_REUSED') throw error;
          return plausible(writes);
        }),
    }),
  ),
  mutant(
    'writes are recorded one by one',
    'a conflict in the last write leaves nothing of the writes before it',
    (store) => ({
      append: async (writes) => {
        let last: AppendResult | undefined;
        for (const one of writes) last = await store.append([one]);
        return last ?? store.append(writes);
      },
    }),
  ),
  mutant('events become visible one by one', 'nobody ever reads a part of an append', (store) => ({
    append: async (writes) => {
      let last: AppendResult | undefined;
      for (const event of writes[0]?.events ?? []) {
        last = await store.append([{ ...writes[0]!, events: [event] }]);
        await turn();
      }
      return last!;
    },
  })),
  mutant(
    'appends of one moment are decided in another order',
    'appends of one moment are decided one after another in the order they came',
    (store) => {
      let first = true;
      return {
        append: async (writes) => {
          if (first) {
            first = false;
            await turn();
          }
          return store.append(writes);
        },
      };
    },
  ),
  mutant(
    'one bad append fails its neighbours',
    'bad input is refused before identity and version are looked at, its neighbours are recorded',
    (store) => {
      let batch: Promise<AppendResult>[] = [];
      return {
        append: async (writes) => {
          const mine = store.append(writes);
          batch.push(mine);
          const all = batch;
          await turn();
          batch = [];
          await Promise.all(all);
          return mine;
        },
      };
    },
  ),
  mutant(
    'an append is read after the call',
    'what is changed after the call was made is not what is recorded',
    (store) => ({
      append: async (writes) => {
        await turn();
        return store.append(writes);
      },
    }),
  ),
  mutant('through is the last event', 'an empty page still says how far the store has looked', (store) => ({
    readAll: (query = {}) =>
      mapped(store.readAll(query), ({ events }) => ({
        events,
        through: events.at(-1)?.position ?? query.after ?? 0,
      })),
  })),
  mutant(
    'the head is read after the page',
    'no page says that it looked further than it did while others append',
    (store) => ({
      readAll: (query = {}) =>
        mapped(store.readAll(query), async (page) => {
          if (page.events.length === query.pageSize) return page;
          await turn();
          return { ...page, through: (await store.identity()).head };
        }),
    }),
  ),
  mutant(
    'a page that was cut says that it reached the head',
    'a follower sees every event once, in order, while many write; wake-ups come never',
    (store) => ({
      readAll: (query) =>
        mapped(store.readAll(query), async (page) => ({ ...page, through: (await store.identity()).head })),
    }),
  ),
  mutant(
    'an event is given twice now and then',
    'a follower sees every event once, in order, while many write; wake-ups come late',
    (store) => ({
      readAll: (query = {}) => store.readAll({ ...query, after: Math.max(0, (query.after ?? 0) - 1) }),
    }),
  ),
  mutant(
    'a read is of the log as it was when it began',
    'a read goes up to the head as it is when its last page is read',
    (store) => ({
      async *readAll(query = {}) {
        const { head } = await store.identity();
        yield* store.readAll({ ...query, upTo: Math.min(head, query.upTo ?? head) });
      },
    }),
  ),
  mutant(
    'an empty list is no filter',
    'an empty list matches nothing, a list with unknown names nothing more',
    (store) => ({
      readAll: ({ types, ...query } = {}) =>
        store.readAll({ ...query, ...(types && types.length > 0 && { types }) }),
    }),
  ),
  mutant(
    'a category is the beginning of a name',
    'a category is what stands before the first dash, and the whole name where there is none',
    (store) => ({
      readAll: ({ categories, ...query } = {}) =>
        filtered(
          store.readAll(query),
          ({ stream }) => !categories || categories.some((it) => stream.startsWith(it)),
        ),
    }),
  ),
  mutant(
    'system streams leak',
    'system streams are left out of the log unless they are asked for or named',
    (store) => ({
      readAll: (query) => store.readAll({ ...query, includeSystem: true }),
    }),
  ),
  mutant(
    'recordedUpTo is left out',
    'recordedFrom and recordedUpTo are both included, to the millisecond',
    (store) => ({
      readAll: ({ recordedUpTo, ...query } = {}) =>
        store.readAll({
          ...query,
          ...(recordedUpTo && { recordedUpTo: new Date(recordedUpTo.getTime() - 1) }),
        }),
    }),
  ),
  mutant('upToPosition is ignored', 'a stream is read as it was at a position of the log', (store) => ({
    readStream: (stream, { upToPosition: _, ...slice } = {}) => store.readStream(stream, slice),
  })),
  mutant(
    'streams are listed as JavaScript sorts',
    'streams are listed in byte order of their names, each with its last event',
    (store) => ({
      async *listStreams(query) {
        const all = [];
        for await (const page of store.listStreams(query)) all.push(...page);
        yield all.sort((a, b) => (a.stream < b.stream ? -1 : 1));
      },
    }),
  ),
  mutant(
    'metadata is parsed and written again',
    'data and metadata come back character by character as they were written',
    (store) => ({
      append: (writes) =>
        store.append(withEvents(writes, (event) => ({ ...event, metadata: rewritten(event.metadata) }))),
    }),
  ),
  mutant(
    'lone surrogates are replaced',
    'data and metadata come back character by character as they were written',
    (store) => ({
      append: (writes) =>
        store.append(
          withEvents(writes, (event) => ({ ...event, data: event.data.replace('\\ud800', '\\ufffd') })),
        ),
    }),
  ),
  mutant(
    'names are normalised',
    'streams whose names differ only in case, accents or trailing blanks are different streams',
    (store) => ({
      append: (writes) =>
        store.append(writes.map((one) => ({ ...one, stream: one.stream.normalize('NFC') }))),
    }),
  ),
  mutant(
    'recorded times follow the clock back',
    'recorded times never fall, also when the clock is set back',
    (store, now) => {
      const times = new Map<number, Date>();
      return {
        append: async (writes) => {
          const result = await store.append(writes);
          times.set(result.position, new Date(now()));
          return result;
        },
        readAll: (query) =>
          mapped(store.readAll(query), (page) => ({
            ...page,
            events: page.events.map((event) => ({
              ...event,
              recordedAt: times.get(event.position) ?? event.recordedAt,
            })),
          })),
      };
    },
  ),
  mutant(
    'wake-ups are lost for ever',
    'wake-ups come after appends, few for many, and none when they are not wanted any more',
    () => ({
      onAppend: () => () => undefined,
    }),
  ),
  mutant(
    'every append wakes',
    'wake-ups come after appends, few for many, and none when they are not wanted any more',
    (store) => {
      const wakes = new Set<() => void>();
      return {
        append: async (writes) => {
          const result = await store.append(writes);
          for (const wake of wakes) wake();
          return result;
        },
        onAppend: (wake) => {
          wakes.add(wake);
          return () => wakes.delete(wake);
        },
      };
    },
  ),
  mutant(
    'wake-ups carry the flow of the append',
    'wake-ups belong to no flow: they come outside every async context',
    (store) => {
      const wakes = new Set<() => void>();
      return {
        append: async (writes) => {
          const result = await store.append(writes);
          setImmediate(() => wakes.forEach((wake) => wake()));
          return result;
        },
        onAppend: (wake) => {
          wakes.add(wake);
          return () => wakes.delete(wake);
        },
      };
    },
  ),
  mutant('a log with events is restored into', 'a log that has events is not restored into', (store) => ({
    restore: (pages) =>
      store.restore(pages).catch((error: { code?: string }) => {
        if (error.code !== 'BACKSTORY_LOG_NOT_EMPTY') throw error;
        return store.identity();
      }),
  })),
  mutant(
    'a restore keeps the pages before a bad one',
    'an archive with times that fall is refused whole',
    (store) => ({
      restore: async (pages) => {
        const all: LogPage[] = [];
        for await (const page of pages) all.push(page);
        return store.restore(all).catch(async (error: unknown) => {
          await store.restore(all.slice(0, 1)).catch(() => undefined);
          throw error;
        });
      },
    }),
  ),
  mutant(
    'a restore closes the gaps',
    'a restored log is the log it was: ids, versions, positions, times and texts',
    (store) => ({
      restore: async (pages) => {
        let position = 0;
        const all: LogPage[] = [];
        for await (const page of pages) {
          all.push({ ...page, events: page.events.map((event) => ({ ...event, position: ++position })) });
        }
        return store.restore(all);
      },
    }),
  ),
  mutant(
    'adopting does not raise the epoch',
    'adopting raises the epoch, which begins at the head, and changes nothing else',
    (store) => ({
      adopt: () => store.identity(),
    }),
  ),
  mutant(
    'an epoch begins at 0',
    'a checkpoint that this log does not bear out is refused, with the reason',
    (store) => ({
      identity: async () => ({ ...(await store.identity()), epochStart: 2 ** 52 }),
    }),
  ),
  mutant(
    'a read ends quietly when the store is closed',
    'a read that is under way when the store is closed ends with StoreClosed, not as if it were complete',
    (store) => ({
      async *readAll(query) {
        try {
          yield* store.readAll(query);
        } catch (error) {
          if ((error as { code?: string }).code !== 'BACKSTORY_STORE_CLOSED') throw error;
        }
      },
    }),
  ),
  mutant(
    'close drops what was accepted',
    'close lets what was accepted finish, and may be called again',
    (store) => ({
      append: async (writes) => {
        await turn();
        return store.append(writes);
      },
    }),
  ),
];

function mutant(defect: string, killedBy: string, spoil: Defect): EventMutant {
  const make: EventMutant['make'] = (clock, log) => {
    const store = new MemoryEventStore(clock, log);
    return delegating<EventStore>(store, spoil(store, clock.now ?? Date.now));
  };
  return { defect, killedBy, make };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function* mapped(
  pages: AsyncIterable<LogPage>,
  change: (page: LogPage) => LogPage | Promise<LogPage>,
): AsyncGenerator<LogPage> {
  for await (const page of pages) yield await change(page);
}

function filtered(
  pages: AsyncIterable<LogPage>,
  keep: (event: StoredEvent) => boolean,
): AsyncIterable<LogPage> {
  return mapped(pages, (page) => ({ ...page, events: page.events.filter(keep) }));
}

function withExpected(
  writes: readonly Write[],
  change: (expected: Write['expected']) => Write['expected'],
): Write[] {
  return writes.map((one) => ({ ...one, expected: change(one.expected) }));
}

function withEvents(writes: readonly Write[], change: (event: StampedEvent) => StampedEvent): Write[] {
  return writes.map((one) => ({ ...one, events: one.events.map(change) }));
}

function rewritten(json: string): string {
  return JSON.stringify(JSON.parse(json));
}

function plausible(writes: readonly Write[]): AppendResult {
  const told = writes.map(({ stream, events }) => ({ stream, version: events.length, position: 1 }));
  const appendId = writes[0]!.events[0]!.id;
  return { appendId, position: 1, recordedAt: new Date(), repeated: false, writes: told };
}

async function versionOf(store: EventStore, stream: string): Promise<number> {
  const query: LogQuery = { streams: [stream], backwards: true, limit: 1 };
  for await (const { events } of store.readAll(query)) return events[0]?.version ?? 0;
  return 0;
}

async function notAbove(store: EventStore, { stream, expected }: Write): Promise<Write['expected']> {
  return typeof expected === 'number' ? Math.min(expected, await versionOf(store, stream)) : expected;
}
