import fs from 'node:fs';
import path from 'node:path';
import { Context } from './context.js';
import {
  AppendOutcomeUnknown,
  EventIdReused,
  InvalidAppend,
  StoreUnavailable,
  VersionConflict,
} from './errors.js';
import type { EventMetadata, NewEvent, StoredEvent } from './event.js';
import { readRecorded } from './event.js';
import type { EventStore, Write } from './event-store.js';
import { appendIds, deriveId, newId } from './ids.js';
import { MemoryEventStore } from './memory-event-store.js';
import type { RecordEnd, RecordStart } from './observed-work.js';
import { silent, type Observer } from './observer.js';
import { Recorder } from './recorder.js';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE_2 = '00-11111111111111111111111111111111-2222222222222222-00';
const event: NewEvent = { type: 't', data: '{"n":1}' };

function one(stream = 'a-1', ...events: NewEvent[]) {
  return [{ stream, expected: 'any' as const, events: events.length > 0 ? events : [event] }];
}

async function logOf(store: EventStore): Promise<StoredEvent[]> {
  const all: StoredEvent[] = [];
  for await (const page of store.readAll({ includeSystem: true })) all.push(...page.events);
  return all;
}

async function metadataOf(store: EventStore): Promise<EventMetadata[]> {
  return (await logOf(store)).map((stored) => readRecorded(stored).metadata);
}

/** A store that loses its connection: before the append arrives, or after it was recorded and before the answer. */
function unreachable(
  store: EventStore,
  outages: readonly ('before' | 'after')[],
): EventStore & { sends: number } {
  const left = [...outages];
  const wrapped = Object.assign(Object.create(store) as EventStore, {
    sends: 0,
    async append(writes: readonly Write[]) {
      wrapped.sends++;
      const outage = left.shift();
      if (outage === 'before') throw new StoreUnavailable('test', 'unplugged');
      const result = await store.append(writes);
      if (outage === 'after') throw new StoreUnavailable('test', 'unplugged');
      return result;
    },
  });
  return wrapped;
}

it('the first event of a flow carries its own id as correlation and no cause, its companions the same', async () => {
  const store = new MemoryEventStore();
  const { ids } = await new Recorder(store, { source: 'app' }).record(one('a-1', event, event));
  expect(ids).toEqual(appendIds(ids[0]!, 2));
  expect((await logOf(store)).map(({ id }) => id)).toEqual(ids);
  for (const metadata of await metadataOf(store)) {
    expect(metadata).toEqual({ correlationId: ids[0], source: 'app', occurredAt: expect.any(String) });
  }
});

it('a correlation that the caller gave is never overwritten', async () => {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, { source: 'app' });
  await Context.of({ correlationId: 'request-7' }).run(() => recorder.record(one()));
  await Context.of({ correlationId: 'request-8' }).run(() =>
    recorder.record(one('a-2', { ...event, metadata: { correlationId: 'mine' } })),
  );
  expect((await metadataOf(store)).map((it) => it.correlationId)).toEqual(['request-7', 'mine']);
});

it('what an event says of itself goes before what the context says', async () => {
  const store = new MemoryEventStore();
  const occurredAt = '2001-02-03T04:05:06.789Z';
  const own = { ...event, metadata: { occurredAt, actor: 'bob', shift: 'early' } };
  const recorder = new Recorder(store, { source: 'app' });
  await Context.of({ actor: 'ann', tenant: 't1', own: { shift: 'late', room: '1' } }).run(() =>
    recorder.record(one('a-1', own, event)),
  );
  expect(await metadataOf(store)).toMatchObject([
    { occurredAt, actor: 'bob', tenant: 't1', shift: 'early', room: '1' },
    { actor: 'ann', tenant: 't1', shift: 'late', room: '1' },
  ]);
});

it('a trace is recorded only when a tracer is active', async () => {
  const store = new MemoryEventStore();
  await new Recorder(store, { source: 'app' }).record(one());
  const observer: Observer = { ...silent, trace: () => ({ traceparent: TRACE, tracestate: 'v=1' }) };
  await new Recorder(store, { source: 'app', observer }).record(one());
  const [without, withTrace] = await metadataOf(store);
  expect(without).not.toHaveProperty('traceparent');
  expect(withTrace).toMatchObject({ traceparent: TRACE, tracestate: 'v=1' });
});

it('the active trace replaces one that came with the request, with its state', async () => {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, {
    source: 'app',
    observer: { ...silent, trace: () => ({ traceparent: TRACE }) },
  });
  await Context.of({ traceparent: TRACE_2, tracestate: 'other=1' }).run(() => recorder.record(one()));
  const [metadata] = await metadataOf(store);
  expect(metadata?.traceparent).toBe(TRACE);
  expect(metadata).not.toHaveProperty('tracestate');
});

it('system streams are refused, naming the write, unless the framework writes', async () => {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, { source: 'app' });
  const writes = [...one('a-1'), ...one('_ops-1')];
  await expect(recorder.record(writes)).rejects.toMatchObject({
    problem: 'stream',
    path: 'writes[1].stream',
  });
  expect(await logOf(store)).toEqual([]);
  await recorder.record(writes, { system: true });
  expect(await logOf(store)).toHaveLength(2);
});

it('repeating with the appendId of a result records once', async () => {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, { source: 'app' });
  const first = await recorder.record(one('a-1', event, event));
  const again = await recorder.record(one('a-1', event, event), { appendId: first.appendId });
  expect(again).toEqual({ ...first, repeated: true });
  expect(await logOf(store)).toHaveLength(2);
  await expect(recorder.record(one('b-1'), { appendId: first.appendId })).rejects.toThrow(EventIdReused);
});

it.each(['', 'x', newId().toUpperCase(), `${newId()}0`])(
  'an appendId that is no UUID is refused: %s',
  async (appendId) => {
    const recorder = new Recorder(new MemoryEventStore(), { source: 'app' });
    await expect(recorder.record(one(), { appendId })).rejects.toThrow(InvalidAppend);
  },
);

it('a handler that runs again records once, save by save and stream by stream', async () => {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, { source: 'app' });
  await recorder.record(one('order-1'));
  const trigger = readRecorded((await logOf(store))[0]!);
  const handle = () =>
    Context.handling(trigger, { subscription: 's', handler: 'h' }).run(async () => [
      await recorder.record(one('a-1')),
      await recorder.record(one('a-1', event, event)),
      await recorder.record(one('b-1')),
    ]);
  const first = await handle();
  const second = await handle();
  expect(second).toEqual(first.map((result) => ({ ...result, repeated: true })));
  expect(first[0]?.appendId).toBe(deriveId('handler', 's', 'h', trigger.id, 0, 'a-1'));
  expect(await logOf(store)).toHaveLength(5);
});

it.each([[['before']], [['after']], [['before', 'after', 'before']]] as ('before' | 'after')[][][])(
  'an append is seen through a lost connection and recorded once: %j',
  async (outages) => {
    const log = new MemoryEventStore();
    const store = unreachable(log, outages);
    const ended: RecordEnd[] = [];
    const observer: Observer = {
      ...silent,
      record: (_start, work) => work((facts) => ended.push(facts())),
    };
    const { ids } = await new Recorder(store, { source: 'app', observer }).record(one());
    expect((await logOf(log)).map(({ id }) => id)).toEqual(ids);
    expect(store.sends).toBe(outages.length + 1);
    expect(ended).toMatchObject([{ sends: outages.length + 1, position: 1, versions: [1] }]);
  },
);

it('a store that stays out of reach leaves the outcome unknown, and the append id repeats it', async () => {
  const log = new MemoryEventStore();
  const outages = Array.from({ length: 1_000 }, () => 'after' as const);
  const recorder = new Recorder(unreachable(log, outages), { source: 'app', appendTimeoutMs: 60 });
  const error = await recorder.record(one()).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AppendOutcomeUnknown);
  const { appendId, cause } = error as AppendOutcomeUnknown;
  expect(cause).toBeInstanceOf(StoreUnavailable);
  const repeated = await new Recorder(log, { source: 'app' }).record(one(), { appendId });
  expect(repeated).toMatchObject({ repeated: true, position: 1 });
  expect(await logOf(log)).toHaveLength(1);
});

it('what sending again does not mend is thrown at once', async () => {
  const store = unreachable(new MemoryEventStore(), []);
  const recorder = new Recorder(store, { source: 'app' });
  await expect(recorder.record([{ stream: 'a-1', expected: 3, events: [event] }])).rejects.toThrow(
    VersionConflict,
  );
  await expect(recorder.record([])).rejects.toThrow(InvalidAppend);
  expect(store.sends).toBe(2);
});

it('an observer learns what is recorded, with its correlation and cause', async () => {
  const started: RecordStart[] = [];
  const observer: Observer = {
    ...silent,
    record: (start, work) => {
      started.push(start());
      return work(() => undefined);
    },
  };
  const recorder = new Recorder(new MemoryEventStore(), { source: 'app', observer });
  const { appendId } = await Context.of({ causationId: 'e-1' }).run(() => recorder.record(one('account-42')));
  expect(started).toEqual([
    {
      appendId,
      source: 'app',
      writes: [
        {
          stream: 'account-42',
          category: 'account',
          types: ['t'],
          events: [{ type: 't', data: '{"n":1}' }],
          correlationId: appendId,
          causationId: 'e-1',
        },
      ],
    },
  ]);
});

it('metadata is stamped as it was stamped first, key by key', async () => {
  const golden = fs.readFileSync(path.join(__dirname, 'golden/metadata.jsonl'), 'utf8').trim().split('\n');
  const store = new MemoryEventStore();
  const observer: Observer = { ...silent, trace: () => ({ traceparent: TRACE, tracestate: 'v=1' }) };
  const at = '2026-01-02T03:04:05.678Z';
  const appendId = '01890000-0000-7000-8000-000000000001';
  jest.useFakeTimers({ now: new Date(at), doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  try {
    await new Recorder(store, { source: 'app' }).record(one(), { appendId });
    const everything = Context.of({
      own: { zone: 'b', area: 'a' },
      origin: 'kafka:orders/3/1207',
      commandId: 'c-1',
      command: 'pay',
      tenant: 't1',
      actor: 'ann',
      priority: 'high',
      causationId: 'e-1',
      correlationId: 'flow-1',
    });
    await everything.run(() => new Recorder(store, { source: 'app', observer }).record(one()));
    await new Recorder(store, { source: 'app' }).record(
      one('a-1', {
        ...event,
        metadata: { note: 'own', occurredAt: '2001-01-01T00:00:00.000Z', actor: 'bob' },
      }),
      { appendId: '01890000-0000-7000-8000-000000000002' },
    );
  } finally {
    jest.useRealTimers();
  }
  expect((await logOf(store)).map(({ metadata }) => metadata)).toEqual(golden);
});

it('sending again never waits longer than the time that is left', async () => {
  const waits = jest.spyOn(globalThis, 'setTimeout');
  const outages = Array.from({ length: 1_000 }, () => 'after' as const);
  const recorder = new Recorder(unreachable(new MemoryEventStore(), outages), {
    source: 'app',
    appendTimeoutMs: 70,
  });
  await expect(recorder.record(one())).rejects.toThrow(AppendOutcomeUnknown);
  const asked = waits.mock.calls.map(([, ms]) => ms ?? 0);
  waits.mockRestore();
  expect(asked.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(70);
});
