import { AsyncLocalStorage } from 'node:async_hooks';
import { LogDiverged, StoreUnavailable } from './errors.js';
import type { EventStore, LogPage, LogQuery, Write } from './event-store.js';
import { follow, type FollowedPage } from './follow.js';
import { newId } from './ids.js';
import { MemoryEventStore } from './memory-event-store.js';

const NEVER = 2 ** 30;

function write(type = 't'): Write {
  const id = newId();
  const metadata = JSON.stringify({ correlationId: id, source: 's', occurredAt: '2026-01-02T03:04:05.678Z' });
  return { stream: 'a-1', expected: 'any', events: [{ id, type, schemaVersion: 1, data: '{}', metadata }] };
}

/** A store whose log can be exchanged, and that can be out of reach. */
class Reached implements EventStore {
  /** What was read to be given; not that a single event is still there. */
  reads: LogQuery[] = [];
  failing = 0;
  constructor(public log: EventStore) {}
  get capabilities() {
    return this.log.capabilities;
  }
  append = (writes: readonly Write[]) => this.log.append(writes);
  readStream: EventStore['readStream'] = (...args) => this.log.readStream(...args);
  listStreams: EventStore['listStreams'] = (query) => this.log.listStreams(query);
  restore: EventStore['restore'] = (pages) => this.log.restore(pages);
  adopt = () => this.log.adopt();
  close = () => this.log.close();
  onAppend(wake: () => void) {
    return this.log.onAppend(wake);
  }
  async identity() {
    this.reach();
    return this.log.identity();
  }
  async *readAll(query: LogQuery = {}): AsyncGenerator<LogPage> {
    if (!query.includeSystem) this.reads.push(query);
    for await (const page of this.log.readAll(query)) {
      this.reach();
      yield page;
    }
  }
  private reach(): void {
    if (this.failing > 0 && this.failing-- > 0) throw new StoreUnavailable('test', 'unplugged');
  }
}

async function logOf(count: number): Promise<MemoryEventStore> {
  const log = new MemoryEventStore();
  for (let i = 0; i < count; i++) await log.append([write()]);
  return log;
}

it('an outage in the middle is seen through: every event comes, once', async () => {
  const store = new Reached(await logOf(6));
  const positions: number[] = [];
  for await (const { events } of follow(store, { pollMs: 1, query: { pageSize: 2 } })) {
    positions.push(...events.map(({ position }) => position));
    if (positions.length === 2) store.failing = 3;
    if (positions.length === 6) break;
  }
  expect(positions).toEqual([1, 2, 3, 4, 5, 6]);
});

it('a store that is out of reach at the start is waited for', async () => {
  const store = new Reached(await logOf(1));
  store.failing = 2;
  const { value } = (await follow(store, { pollMs: 1 }).next()) as { value: LogPage };
  expect(value.events).toHaveLength(1);
});

describe.each([
  ['after events', {}],
  ['after empty pages only', { types: ['never'] }],
])('a log that is replaced under a follower stops it, %s', (_, query) => {
  it('while it is reached', async () => {
    const store = new Reached(await logOf(3));
    const pages = follow(store, { pollMs: 1, query });
    await pages.next();
    store.log = await logOf(9);
    await expect(pages.next()).rejects.toThrow(LogDiverged);
  });

  it('during an outage', async () => {
    const store = new Reached(await logOf(3));
    const pages = follow(store, { pollMs: 1, query });
    await pages.next();
    store.failing = 2;
    store.log = await logOf(9);
    await expect(pages.next()).rejects.toThrow(LogDiverged);
  });

  it('that began with a checkpoint, during an outage', async () => {
    const store = new Reached(await logOf(3));
    const { logId, epoch } = await store.identity();
    const pages = follow(store, { pollMs: 1, query, after: { logId, epoch, through: 1 } });
    await pages.next();
    store.failing = 1;
    store.log = await logOf(9);
    await expect(pages.next()).rejects.toThrow(LogDiverged);
  });
});

it('a log that is adopted behind a follower during an outage stops it', async () => {
  const short = await logOf(2);
  const store = new Reached(await logOf(5));
  const pages = follow(store, { pollMs: 1, query: { types: ['never'] } });
  await pages.next();
  const { logId } = await store.log.identity();
  store.failing = 1;
  const adopted = await short.adopt();
  for (let i = 0; i < 9; i++) await short.append([write()]);
  store.log = Object.assign(Object.create(short) as MemoryEventStore, {
    identity: async () => ({ ...(await short.identity()), logId, epochStart: adopted.epochStart }),
  });
  await expect(pages.next()).rejects.toThrow(/adopted at position 2/);
});

it('a log that is adopted and goes on is followed through it, also by one that is behind', async () => {
  const log = await logOf(5);
  const pages = follow(log, { pollMs: 1, query: { pageSize: 1 } });
  const positions: number[] = [];
  const read = async (): Promise<void> => {
    const { value } = (await pages.next()) as { value: LogPage };
    positions.push(...value.events.map(({ position }) => position));
  };
  await read();
  await log.adopt();
  await log.append([write()]);
  while (positions.length < 6) await read();
  await log.adopt();
  await log.append([write()]);
  await read();
  expect(positions).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it('a signal that outlives its followers does not keep them', async () => {
  const { signal } = new AbortController();
  const [add, remove] = [jest.spyOn(signal, 'addEventListener'), jest.spyOn(signal, 'removeEventListener')];
  for await (const _ of follow(await logOf(1), { signal })) break;
  expect(add.mock.calls).toHaveLength(1);
  expect(remove.mock.calls.map(([type, listener]) => [type, listener])).toEqual(add.mock.calls);
});

it('a follower that was woken leaves no timer that keeps the process', async () => {
  const set = jest.spyOn(globalThis, 'setTimeout');
  const cleared = jest.spyOn(globalThis, 'clearTimeout');
  try {
    const log = await logOf(1);
    const pages = follow(log, { pollMs: NEVER });
    await pages.next();
    const next = pages.next();
    for (let turns = 0; turns < 3; turns++) await new Promise((turn) => setImmediate(turn));
    const own = set.mock.calls.flatMap(([, ms], i) =>
      ms === NEVER ? [set.mock.results[i]!.value as unknown] : [],
    );
    await log.append([write()]);
    await next;
    await pages.return!();
    expect(own).toHaveLength(1);
    expect(cleared.mock.calls.map(([timer]) => timer as unknown)).toContain(own[0]);
  } finally {
    set.mockRestore();
    cleared.mockRestore();
  }
});

it('a log that lost its end while it was reached stops a follower, though it has grown again', async () => {
  const store = new Reached(await logOf(3));
  const pages = follow(store, { pollMs: 1 });
  await pages.next();
  const { logId } = await store.log.identity();
  const other = await logOf(9);
  store.log = Object.assign(Object.create(other) as MemoryEventStore, {
    identity: async () => ({ ...(await other.identity()), logId }),
  });
  store.failing = 1;
  await expect(pages.next()).rejects.toThrow(/is not there at position 3/);
});

/** Another log that goes by the name of the first: what a standby that lagged behind is after its promotion. */
async function inPlaceOf(store: Reached, count: number): Promise<void> {
  const { logId } = await store.log.identity();
  const other = await logOf(count);
  store.log = Object.assign(Object.create(other) as MemoryEventStore, {
    identity: async () => ({ ...(await other.identity()), logId }),
  });
}

it.each([
  ['all events', {}],
  ['events that are not among those lost', { types: ['never'] }],
])('a log that lost its end and grew past it in no time at all stops a follower of %s', async (_, query) => {
  const store = new Reached(await logOf(3));
  const pages = follow(store, { pollMs: 1, query });
  await pages.next();
  await inPlaceOf(store, 9);
  await expect(pages.next()).rejects.toThrow(/is not there at position 3/);
});

it('a page brings the checkpoint to go on from, which proves what filters left out, too', async () => {
  const log = await logOf(3);
  const { logId, epoch, headId } = await log.identity();
  const { value } = (await follow(log, { query: { types: ['never'] } }).next()) as { value: FollowedPage };
  const last = { id: headId, position: 3 };
  expect(value.checkpoint).toEqual({ logId, epoch, through: 3, last });
  const store = new Reached(log);
  await inPlaceOf(store, 9);
  const { checkpoint } = value;
  await expect(follow(store, { after: checkpoint }).next()).rejects.toThrow(/is not there at position 3/);
});

it('a log that became shorter stops a follower', async () => {
  const store = new Reached(await logOf(3));
  const pages = follow(store, { pollMs: 1, query: { types: ['never'] } });
  await pages.next();
  const { logId } = await store.log.identity();
  const shorter = await logOf(2);
  store.log = Object.assign(Object.create(shorter) as MemoryEventStore, {
    identity: async () => ({ ...(await shorter.identity()), logId }),
  });
  await expect(pages.next()).rejects.toThrow(/ends at position 2/);
});

it('a wake-up between the last read and the pause is not lost', async () => {
  const store = new Reached(await logOf(1));
  const pages = follow(store, { pollMs: NEVER });
  await pages.next();
  await store.append([write()]);
  await new Promise((turn) => setImmediate(turn)); // the wake-up comes while nobody waits for it
  const { value } = (await pages.next()) as { value: LogPage };
  expect(value.events.map(({ position }) => position)).toEqual([2]);
});

it('there is no pause while more is waiting', async () => {
  const store = new Reached(await logOf(50));
  let seen = 0;
  for await (const { events } of follow(store, { pollMs: NEVER, query: { pageSize: 1 } })) {
    seen += events.length;
    if (seen === 50) break;
  }
  expect(store.reads).toHaveLength(1);
});

it('at the head a follower reads again only when it is woken', async () => {
  const store = new Reached(await logOf(1));
  const pages = follow(store, { pollMs: NEVER });
  await pages.next();
  const next = pages.next();
  for (let turns = 0; turns < 5; turns++) await new Promise((turn) => setImmediate(turn));
  expect(store.reads).toHaveLength(1);
  await store.append([write()]);
  await next;
  const last = pages.next();
  for (let turns = 0; turns < 5; turns++) await new Promise((turn) => setImmediate(turn));
  expect(store.reads).toEqual([
    { after: 0, upTo: 1 },
    { after: 1, upTo: 2 },
  ]);
  await store.append([write()]);
  await last;
});

it('an empty page is given when it is news and not when it is not', async () => {
  const store = await logOf(4);
  const throughs: number[] = [];
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 30);
  const options = { pollMs: 1, query: { types: ['never'] }, signal: controller.signal };
  for await (const { through } of follow(store, options)) throughs.push(through);
  expect(throughs).toEqual([4]);
});

it('it runs outside every async context', async () => {
  const flow = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const store = new Reached(await logOf(1));
  const { log } = store;
  store.log = Object.assign(Object.create(log) as EventStore, {
    readAll: (query: LogQuery) => {
      seen.push(flow.getStore());
      return log.readAll(query);
    },
  });
  await flow.run('a flow', async () => void (await follow(store).next()));
  expect(seen).toEqual([undefined]);
});

it('errors that waiting does not mend end it', async () => {
  const store = await logOf(1);
  await expect(follow(store, { query: { pageSize: 0 } }).next()).rejects.toThrow(/pageSize/);
  await store.close();
  await expect(follow(store).next()).rejects.toThrow(/closed/);
});

it('leaving the loop ends the subscription to wake-ups', async () => {
  let subscribed = 0;
  const log = await logOf(1);
  const store = Object.assign(Object.create(log) as MemoryEventStore, {
    onAppend: () => {
      subscribed++;
      return () => subscribed--;
    },
  });
  for await (const _ of follow(store)) {
    expect(subscribed).toBe(1);
    break;
  }
  expect(subscribed).toBe(0);
});

it('is given up while a page is being waited for', async () => {
  const pages = follow(await logOf(0), { pollMs: 2 ** 30 });
  const waiting = pages.next();
  await new Promise((turn) => setImmediate(turn));
  await pages.return!();
  expect(await waiting).toEqual({ done: true, value: undefined });
});
