import { Aggregate, EventSourcedAggregate } from '@backstory/aggregate';
import {
  Context,
  Recorder,
  newId,
  type RecordedEvent,
  type StampedEvent,
  type StoredEvent,
} from '@backstory/core';
import { MemoryStateStore } from '@backstory/core/state';
import { MemoryEventStore } from '@backstory/core/store';
import { DomainEvent, EventHandler, EventTypes } from '@backstory/events';
import { Repository } from '@backstory/repository';
import { anEvent, eventsOf, record } from '../../../../test/support/sqlite-files';
import { verify, type VerifySource } from '../verify';

@DomainEvent('count.raised', { version: 2, upcast: { 1: (it) => it } })
class Raised {
  constructor(readonly by: number) {}
}

const world = { fee: 0 };

@Aggregate('count', { snapshots: { every: 3, keep: 2 } })
class Count extends EventSourcedAggregate {
  total = 0;
  raiseBy(by: number) {
    this.raise(new Raised(by));
  }
  @EventHandler(Raised) protected raised({ by }: Raised) {
    this.total += by - world.fee;
  }
}

afterEach(() => {
  world.fee = 0;
});

const application = { aggregates: [Count], types: new EventTypes([Raised]) };

function aLog(now: () => number = Date.now) {
  return { events: new MemoryEventStore({ now }), state: new MemoryStateStore() };
}

async function counted({ events, state }: ReturnType<typeof aLog>, times = 6) {
  const counts = new Repository(Count, {
    store: events,
    state,
    recorder: new Recorder(events, { source: 'count' }),
  });
  for (let i = 0; i < times; i++) {
    await counts.update('1', (it) => it.raiseBy(1), { create: true });
    await counts.load('1');
  }
  await counts.close();
}

/** What `verify` finds, in short. */
async function found(source: VerifySource, options = {}) {
  const { findings } = await verify(source, options);
  for (const { what, todo } of findings)
    expect([what, todo]).toEqual([expect.stringMatching(/./), expect.stringMatching(/\w+ /)]);
  return findings.map(({ kind, subject, count, examples }) => [
    kind,
    subject,
    count,
    examples.map((it) => `${it.stream} v${it.version}`),
  ]);
}

/** A log that is not as a store would have it. */
function damaged(
  store: MemoryEventStore,
  change: (event: StoredEvent) => StoredEvent | undefined,
): MemoryEventStore {
  const changed = async function* <P extends { readonly events: readonly StoredEvent[] }>(
    pages: AsyncIterable<P>,
  ) {
    for await (const page of pages) yield { ...page, events: page.events.flatMap((it) => change(it) ?? []) };
  };
  return Object.assign(Object.create(store) as MemoryEventStore, {
    readAll: (query: object) => changed(store.readAll(query)),
    readStream: (stream: string, slice: object) => changed(store.readStream(stream, slice)),
  });
}

const stamped = (type: string, metadata: object, more: Partial<StampedEvent> = {}): StampedEvent => {
  const event = anEvent(type);
  return {
    ...event,
    ...more,
    metadata: JSON.stringify({ ...(JSON.parse(event.metadata) as object), ...metadata }),
  };
};

test('a log that the framework made, with snapshots, is as it should be, and is not written to', async () => {
  const log = aLog();
  await counted(log);
  const before = await eventsOf(log.events, { includeSystem: true });
  const health = await verify({ ...log, application });
  expect(health).toEqual({ head: 6, events: 6, streams: 1, snapshots: 2, findings: [], notChecked: [] });
  expect(await eventsOf(log.events, { includeSystem: true })).toEqual(before);
});

test('what cannot be looked at is said', async () => {
  const log = aLog();
  await counted(log);
  const { notChecked, streams, snapshots } = await verify({ events: log.events }, { after: 2 });
  expect({ streams, snapshots }).toEqual({ streams: null, snapshots: null });
  expect(notChecked.map(({ check }) => check)).toEqual(['versions without gaps', 'types, and snapshots']);
});

test('a stream that lacks a version is named; a log that grows meanwhile has no gap', async () => {
  const log = aLog();
  await record(log.events, 'a-1', anEvent('a.b'), anEvent('a.b'), anEvent('a.b'));
  await record(log.events, 'a-2', anEvent('a.b'));
  const lacking = damaged(log.events, (it) => (it.stream === 'a-1' && it.version === 2 ? undefined : it));
  expect(await found({ events: lacking })).toEqual([['version-gap', 'a-1', 1, ['a-1 v3']]]);
  let isFirst = true;
  const growing = Object.assign(Object.create(log.events) as MemoryEventStore, {
    identity: async () => {
      const identity = await log.events.identity();
      if (isFirst) await record(log.events, 'a-1', anEvent('a.b'));
      isFirst = false;
      return identity;
    },
  });
  expect(await found({ events: growing })).toEqual([]);
});

test('a cause that is not there, or comes later, is told for the application that said so', async () => {
  const log = aLog();
  const first = anEvent('a.b');
  await record(log.events, 'a-1', stamped('a.b', { causationId: first.id, source: 'early' }));
  await record(log.events, 'a-1', first, stamped('a.b', { causationId: first.id }, { data: '1' }));
  await record(log.events, 'a-1', stamped('a.b', { causationId: 'order/7', source: 'shop' }));
  expect(await found(log)).toEqual([
    ['later-cause', 'early', 1, ['a-1 v1']],
    ['missing-cause', 'shop', 1, ['a-1 v4']],
  ]);
  // Where only a part is looked at, causes are looked for in all of it.
  expect(await found(log, { after: 2 })).toEqual([['missing-cause', 'shop', 1, ['a-1 v4']]]);
});

test('clocks that go back, and clocks that are ahead', async () => {
  const log = aLog(() => Date.UTC(2026, 0, 1));
  const at = (ms: number) => ({
    occurredAt: new Date(Date.UTC(2026, 0, 1) + ms).toISOString(),
    source: 'till',
  });
  await record(
    log.events,
    'a-1',
    stamped('a.b', at(-1e9)),
    stamped('a.b', at(5_000)),
    stamped('a.b', at(5_001)),
  );
  const back = damaged(log.events, (it) => (it.version === 2 ? { ...it, recordedAt: new Date(0) } : it));
  expect(await found(log)).toEqual([['clock-ahead', 'till', 1, ['a-1 v3']]]);
  expect(await found({ events: back }, { after: 0 })).toContainEqual([
    'clock-back',
    'the log',
    1,
    ['a-1 v2'],
  ]);
});

test('types that are unknown, newer or oddly named; those of the framework are its own', async () => {
  const log = aLog();
  await counted(log, 1);
  await record(log.events, 'a-1', anEvent('gone.away'), anEvent('Happened'), {
    ...anEvent('count.raised'),
    schemaVersion: 3,
  });
  await record(log.events, '_audit-1', anEvent('sealed'));
  expect(await found({ ...log, application })).toEqual([
    ['unknown-type', 'gone.away', 1, ['a-1 v1']],
    ['type-name', 'Happened', 1, ['a-1 v2']],
    ['unknown-type', 'Happened', 1, ['a-1 v2']],
    ['newer-type', 'count.raised', 1, ['a-1 v3']],
  ]);
  expect((await found(log)).map(([kind]) => kind)).toEqual(['type-name']);
});

describe('an effect that is there twice', () => {
  const pay = { type: 'payment.taken', data: '{"amount":7}' };
  async function handled(log: ReturnType<typeof aLog>, times: number, within: 'handler' | 'nothing') {
    const cause = anEvent('a.b');
    await record(log.events, 'a-1', cause);
    const recorder = new Recorder(log.events, { source: 'till' });
    const recorded = { id: cause.id, metadata: JSON.parse(cause.metadata) as object } as RecordedEvent;
    const handling = Context.handling(recorded, { subscription: 'till', handler: 'take' });
    const bare = Context.of({ causationId: cause.id, correlationId: cause.id });
    const write = { stream: 'payment-1', expected: 'any', events: [pay, pay] } as const;
    for (let i = 0; i < times; i++) {
      // The same delivery once more, or nothing that tells it from a new one.
      const context =
        within === 'handler' ? Context.handling(recorded, { subscription: 'till', handler: 'take' }) : bare;
      await context.run(() => recorder.record([write]));
    }
    return { handling, recorder, write };
  }

  test('because nothing told the repetition, is found', async () => {
    const log = aLog();
    await handled(log, 2, 'nothing');
    expect(await found(log)).toEqual([['done-twice', 'payment.taken', 2, ['payment-1 v3', 'payment-1 v4']]]);
  });

  test('is none where the repetition was recognised, nor where a handler saved twice', async () => {
    const log = aLog();
    const { handling, recorder, write } = await handled(log, 2, 'handler');
    expect(await found(log)).toEqual([]);
    await handling.run(async () => {
      await recorder.record([write]);
      await recorder.record([write]);
    });
    expect(await eventsOf(log.events)).toHaveLength(5);
    expect(await found(log)).toEqual([]);
  });

  test('is told once, however many pages its cause is in', async () => {
    const log = aLog();
    const cause = anEvent('a.b');
    await record(log.events, 'a-1', cause);
    for (let i = 0; i < 1_200; i++)
      await record(log.events, 'b-1', stamped('b.c', { causationId: cause.id }, { data: `${i >> 1}` }));
    const { findings } = await verify(log);
    expect(findings.map(({ kind, count, examples }) => [kind, count, examples.length])).toEqual([
      ['done-twice', 600, 5],
    ]);
  });
});

describe('a snapshot', () => {
  const COLLECTION = 'backstory.snapshots';
  const change = async ({ state }: ReturnType<typeof aLog>, to: (text: string) => string) => {
    const [entry] = await state.read((view) => view.list(COLLECTION));
    await state.transaction([], (tx) => tx.put(COLLECTION, entry!.key, to(entry!.value)));
  };

  test.each([
    [
      'has another state',
      (text: string) => text.replace(/"total":\d/, '"total":77'),
      /not what a fold of all events gives: total/,
    ],
    [
      'is of an event that is not there',
      (text: string) => text.replace(/"id":"[^"]*"/, `"id":"${newId()}"`),
      /event that the log has not/,
    ],
    ['is damaged', () => '{', /cannot be compared/],
  ])('that %s is found', async (_, to, what) => {
    const log = aLog();
    await counted(log);
    await change(log, to);
    const { findings, snapshots } = await verify({ ...log, application });
    expect(snapshots).toBe(2);
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'snapshot', subject: 'count-1', what: expect.stringMatching(what) }),
    ]);
  });

  test('of a handler that does otherwise now is found; of other code it is not looked at', async () => {
    const log = aLog();
    await counted(log);
    world.fee = 1;
    expect((await verify({ ...log, application })).findings).toMatchObject([{ kind: 'snapshot', count: 2 }]);
    world.fee = 0;
    @Aggregate('count', { version: 2, snapshots: { every: 3, keep: 2 } })
    class Later extends Count {}
    const { findings, snapshots, notChecked } = await verify({
      ...log,
      application: { ...application, aggregates: [Later] },
    });
    expect({ findings, snapshots }).toEqual({ findings: [], snapshots: 0 });
    expect(notChecked).toEqual([{ check: '2 snapshots', why: expect.stringContaining('other code') }]);
  });
});

test('as many subjects as there are take no more memory, and are counted', async () => {
  const log = aLog();
  for (let i = 0; i < 150; i++) await record(log.events, 'a-1', anEvent(`odd${i}`));
  const { findings } = await verify(log);
  expect(findings).toHaveLength(101);
  expect(findings.at(-1)).toMatchObject({ subject: 'others', count: 50 });
});

test('it is interrupted by its signal', async () => {
  const log = aLog();
  await counted(log);
  await expect(verify(log, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
});
