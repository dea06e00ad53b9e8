import {
  Context,
  Recorder,
  memory,
  readRecorded,
  type OpenStorage,
  type RecordedEvent,
} from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { DomainEvent, EventHandler, EventTypes, Fields, setOf } from '@backstory/events';
import { checkMetadata } from '@backstory/events/codec';
import { where } from '../filter/where.js';
import { Router } from '../rule/router.js';
import { topic } from '../rule/topic.js';
import { BusClosed, HandlerTimedOut } from './errors.js';
import { EventBus, type EventBusOptions } from './event-bus.js';
import { drop } from './middleware.js';

@DomainEvent('like.added', { aliases: ['like.made'] })
@Fields({ tags: setOf(String) })
class Liked {
  constructor(
    readonly by: string,
    readonly tags = new Set<string>(),
  ) {}
}

@DomainEvent('like.removed')
class Unliked {
  constructor(readonly by: string) {}
}

@DomainEvent('like.noted')
class Noted {}

const never = () => new Promise<never>(() => {});
const latch = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
};

let storage: OpenStorage;
let router: Router;
let bus: EventBus;
const types = new EventTypes([Liked, Unliked, Noted]);

function busOf(options: Partial<EventBusOptions> = {}): EventBus {
  const recorder = new Recorder(storage.events, { source: 'social' });
  return new EventBus({
    source: 'social',
    types,
    store: storage.events,
    router,
    record: (stream, events, { expected = 'any', metadata, appendId }) => {
      const given = checkMetadata(metadata ?? {}, stream);
      const encoded = events.map((event) => ({ ...types.encode(event), metadata: given }));
      return recorder.record(
        [{ stream, expected, events: encoded }],
        appendId === undefined ? {} : { appendId },
      );
    },
    ...options,
  });
}

beforeEach(async () => {
  storage = await memory().open();
  router = new Router();
  bus = busOf();
});
afterEach(() => bus.close());

async function log(): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  for await (const { events } of storage.events.readAll())
    found.push(...events.map((it) => readRecorded(it)));
  return found;
}

describe('publishing', () => {
  test('records the events and hands each handler what was recorded', async () => {
    const seen: unknown[] = [];
    bus.subscribe(Liked, (event, recorded) => void seen.push(event, recorded));
    const { record, outcomes } = await bus.publish('post-1', [new Liked('ann', new Set(['a']))]);
    expect(seen[0]).toEqual(new Liked('ann', new Set(['a'])));
    expect(seen[0]).toBeInstanceOf(Liked);
    const [stored] = await log();
    expect(seen[1]).toEqual({ ...stored, data: seen[0] });
    expect(record).toMatchObject({ position: 1, ids: [stored!.id], repeated: false });
    expect(outcomes).toMatchObject([{ eventId: stored!.id, type: 'like.added', outcome: 'handled' }]);
  });

  test('gives the outcome of each handler: what it gave, what it threw, and of one the failure of no other', async () => {
    bus.subscribe(Liked, async () => 7, { name: 'gives' });
    const boom = new Error('boom');
    bus.subscribe(
      Liked,
      () => {
        throw boom;
      },
      { name: 'throws' },
    );
    bus.subscribe(Liked, () => Promise.reject(boom), { name: 'rejects' });
    const { outcomes, record } = await bus.publish('post-1', [new Liked('ann')]);
    expect(outcomes.map(({ handler, outcome, value, error }) => [handler, outcome, value, error])).toEqual([
      ['gives', 'handled', 7, undefined],
      ['throws', 'failed', undefined, boom],
      ['rejects', 'failed', undefined, boom],
    ]);
    expect(record?.position).toBe(1);
    expect(await log()).toHaveLength(1);
  });

  test('runs the handlers of an event at once, and one event after the other', async () => {
    const order: string[] = [];
    const both = latch();
    let running = 0;
    const handler =
      (name: string) =>
      async (_: object, { version }: RecordedEvent) => {
        order.push(`${name}${version} begins`);
        if (++running === 2) both.open();
        await both.opened;
        order.push(`${name}${version} ends`);
      };
    bus.subscribe('like.*', handler('a'));
    bus.subscribe('like.*', handler('b'));
    await bus.publish('post-1', [new Liked('ann'), new Unliked('ann')]);
    expect(order.slice(0, 4)).toEqual(['a1 begins', 'b1 begins', 'a1 ends', 'b1 ends']);
    expect(order.slice(4)).toEqual(['a2 begins', 'b2 begins', 'a2 ends', 'b2 ends']);
  });

  test('begins handlers of a higher priority first', async () => {
    const begun: string[] = [];
    bus.subscribe(Liked, () => void begun.push('normal'));
    bus.subscribe(Liked, () => void begun.push('critical'), { priority: 'critical' });
    bus.subscribe(Liked, () => void begun.push('low'), { priority: 'low' });
    await bus.publish('post-1', [new Liked('ann')]);
    expect(begun).toEqual(['critical', 'normal', 'low']);
  });

  test('waits for the record alone where that is wanted; the outcomes come later', async () => {
    const hold = latch();
    bus.subscribe(Liked, () => hold.opened);
    const published = await bus.publish('post-1', [new Liked('ann')], { wait: 'record' });
    expect(published).toMatchObject({ outcomes: [], record: { position: 1 } });
    hold.open();
    expect((await published.settled).outcomes).toMatchObject([{ outcome: 'handled' }]);
  });

  test('gives every handler a copy of its own', async () => {
    const seen: string[][] = [];
    const add = (tag: string) => (event: Liked) => {
      event.tags.add(tag);
      seen.push([...event.tags]);
    };
    bus.subscribe(Liked, add('mine'));
    bus.subscribe(Liked, add('yours'));
    await bus.publish('post-1', [new Liked('ann', new Set(['a']))]);
    expect(seen).toEqual([
      ['a', 'mine'],
      ['a', 'yours'],
    ]);
  });

  test('what was recorded before is not handed out again', async () => {
    const handler = jest.fn();
    bus.subscribe(Liked, handler);
    const like = () =>
      Context.none.withCommand('like-1').run(() => bus.publish('post-1', [new Liked('ann')]));
    expect((await like()).outcomes).toHaveLength(1);
    const again = await like();
    expect(again).toMatchObject({ record: { repeated: true }, outcomes: [] });
    expect(handler).toHaveBeenCalledTimes(1);
    expect(await log()).toHaveLength(1);
  });

  test('what cannot be recorded is not handed out', async () => {
    const handler = jest.fn();
    bus.subscribe(Liked, handler);
    await bus.publish('post-1', [new Liked('ann')]);
    await expect(bus.publish('post-1', [new Liked('bob')], { expected: 'none' })).rejects.toMatchObject({
      code: 'BACKSTORY_VERSION_CONFLICT',
    });
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test('what is recorded and cannot be read back stands, and the publisher is told', async () => {
    bus.subscribe(Liked, () => undefined);
    const gone = new Error('gone');
    jest.spyOn(storage.events, 'readStream').mockImplementation(() => {
      throw gone;
    });
    const published = await bus.publish('post-1', [new Liked('ann')]);
    expect(published).toMatchObject({ record: { position: 1 }, outcomes: [], undelivered: gone });
    expect(await published.settled).toEqual({ outcomes: [], undelivered: gone });
  });

  test('of several handlers of a page of events none is read twice, however long the stream is', async () => {
    const versions: number[] = [];
    await bus.publish('post-1', [new Liked('a'), new Liked('b')]);
    bus.subscribe(Liked, (_, { version }) => void versions.push(version));
    await bus.publish('post-1', [new Liked('c'), new Liked('d'), new Liked('e')]);
    expect(versions).toEqual([3, 4, 5]);
  });

  test.each<[string, object, string]>([
    ['misspelt', { transiant: true }, 'transiant'],
    ['a wait that is none', { wait: 'nobody' }, 'wait'],
    ['a transient event at a version', { transient: true, expected: 3 }, 'expected'],
    ['a transient event with an id', { transient: true, appendId: 'x' }, 'appendId'],
    ['a transient event whose record is waited for', { transient: true, wait: 'record' }, 'wait'],
  ])('refuses %s', async (_, options, option) => {
    await expect(bus.publish('post-1', [new Liked('ann')], options as never)).rejects.toMatchObject({
      code: 'BACKSTORY_INVALID_OPTION',
      option,
    });
    await expect(bus.publish('post-1', new Liked('ann') as never)).rejects.toMatchObject({
      option: 'events',
    });
    expect(await log()).toEqual([]);
  });
});

describe('a handler', () => {
  test('acts in the flow of its event, as caused by it', async () => {
    bus.subscribe(Liked, ({ by }) => bus.publish('note-1', [new Unliked(by)]));
    await Context.of({ correlationId: 'c-1', actor: 'ann', tenant: 'eu', priority: 'high' }).run(() =>
      bus.publish('post-1', [new Liked('ann')]),
    );
    const [liked, unliked] = await log();
    expect(unliked!.metadata).toMatchObject({
      correlationId: 'c-1',
      causationId: liked!.id,
      actor: 'ann',
      tenant: 'eu',
      priority: 'high',
    });
  });

  test('has its time; after that its signal is aborted, and what it does counts no more', async () => {
    const told = latch();
    let reason: unknown;
    bus.subscribe(
      Liked,
      (_, __, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            reason = signal.reason;
            told.open();
            reject(new Error('late'));
          }),
        ),
      { name: 'slow', timeoutMs: 5 },
    );
    bus.subscribe(Liked, () => 'fast');
    const { outcomes } = await bus.publish('post-1', [new Liked('ann')]);
    await told.opened;
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['timed-out', 'handled']);
    expect(outcomes[0]!.error).toBeInstanceOf(HandlerTimedOut);
    expect(outcomes[0]!.error).toMatchObject({ handler: 'slow', timeoutMs: 5 });
    expect(reason).toBe(outcomes[0]!.error);
  });

  test('that throws the time-out of another has failed, and not timed out', async () => {
    bus.subscribe(Liked, () => Promise.reject(new HandlerTimedOut('other', 1)));
    const { outcomes } = await bus.publish('post-1', [new Liked('ann')]);
    expect(outcomes).toMatchObject([{ outcome: 'failed' }]);
  });

  test('without a time of its own has that of the bus', async () => {
    bus = busOf({ timeoutMs: 5 });
    bus.subscribe(Liked, never);
    expect((await bus.publish('post-1', [new Liked('ann')])).outcomes).toMatchObject([
      { outcome: 'timed-out' },
    ]);
  });
});

describe('listening', () => {
  const heardBy = async (subscribe: (handler: () => void) => unknown, event: object = new Liked('ann')) => {
    const handler = jest.fn();
    subscribe(handler);
    await bus.publish('post-1', [event]);
    return handler.mock.calls.length;
  };

  test.each<[string, (handler: () => void) => unknown, number, number]>([
    ['a class', (it) => bus.subscribe(Liked, it), 1, 0],
    ['a type', (it) => bus.subscribe('like.removed', it), 0, 1],
    ['a type with a wildcard', (it) => bus.subscribe('like.*', it), 1, 1],
    ['a filter', (it) => bus.subscribe(where.data('by', '=', 'bob'), it), 0, 1],
  ])('to %s', async (_, subscribe, liked, unliked) => {
    expect(await heardBy(subscribe)).toBe(liked);
    expect(await heardBy(subscribe, new Unliked('bob'))).toBe(unliked);
  });

  test('to a topic: to what the rules lead there, within their time', async () => {
    const remove = router.add({
      name: 'by bob',
      source: 'like.*',
      condition: where.data('by', '=', 'bob'),
      target: 'bob',
      timeoutMs: 5,
    });
    bus.subscribe(topic('bob'), (_, __, { topic: name }) => name, { name: 'quick' });
    bus.subscribe(topic('bob'), never, { name: 'hangs' });
    const { outcomes } = await bus.publish('post-1', [new Liked('ann'), new Liked('bob')]);
    expect(outcomes.map(({ handler, outcome, value, topic: by }) => [handler, outcome, value, by])).toEqual([
      ['quick', 'handled', 'bob', 'bob'],
      ['hangs', 'timed-out', undefined, 'bob'],
    ]);
    remove();
    expect((await bus.publish('post-1', [new Liked('bob')])).outcomes).toEqual([]);
  });

  test('ends when it is ended, and not twice', async () => {
    const handler = jest.fn();
    const end = bus.subscribe(Liked, handler);
    bus.subscribe(Liked, handler);
    end();
    end();
    await bus.publish('post-1', [new Liked('ann')]);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test('with decorated methods: their conditions, priorities and time-outs count', async () => {
    const heard: string[] = [];
    class Statistics {
      private readonly name = 'statistics';
      @EventHandler(Liked) all(event: Liked) {
        heard.push(`${this.name} ${event.by}`);
      }
      @EventHandler(Liked, { priority: 'high', when: ({ data }) => data.by === 'bob' }) bob(event: Liked) {
        heard.push(`first ${event.by}`);
      }
      @EventHandler(Liked, { when: where.metadata('tenant', '=', 'eu') }) eu() {
        heard.push('eu');
      }
      @EventHandler(Unliked, { timeoutMs: 5 }) slow() {
        return never();
      }
    }
    const end = bus.attach(new Statistics());
    await bus.publish('post-1', [new Liked('ann')]);
    await bus.publish('post-1', [new Liked('bob')], { metadata: { tenant: 'eu' } });
    expect(heard).toEqual(['statistics ann', 'first bob', 'statistics bob', 'eu']);
    const { outcomes } = await bus.publish('post-1', [new Unliked('ann')]);
    expect(outcomes).toMatchObject([{ handler: 'Statistics.slow', outcome: 'timed-out' }]);
    end();
    expect((await bus.publish('post-1', [new Liked('bob')])).outcomes).toEqual([]);
  });

  test('with decorated methods to a topic', async () => {
    class Handles {
      readonly heard: string[] = [];
      @EventHandler(Liked) liked({ by }: Liked) {
        this.heard.push(by);
      }
    }
    const handles = new Handles();
    bus.attach(handles, { topic: topic('bob') });
    router.add({ name: 'bob', source: 'like.*', condition: where.data('by', '=', 'bob'), target: 'bob' });
    await bus.publish('post-1', [new Liked('ann'), new Liked('bob'), new Unliked('bob')]);
    expect(handles.heard).toEqual(['bob']);
  });

  test('a condition that throws fails its handler alone', async () => {
    const boom = new Error('boom');
    class Desk {
      @EventHandler(Liked, {
        when: () => {
          throw boom;
        },
      })
      never() {}
    }
    bus.attach(new Desk());
    bus.subscribe(Liked, () => 'fine');
    const { outcomes } = await bus.publish('post-1', [new Liked('ann')]);
    expect(outcomes).toMatchObject([
      { handler: 'Desk.never', outcome: 'failed', error: boom },
      { outcome: 'handled', value: 'fine' },
    ]);
  });

  test.each<[unknown, readonly string[]]>([
    [0, []],
    ['', []],
    [null, []],
    [undefined, []],
    [3, ['heard']],
    ['yes', ['heard']],
  ])('a condition that gives %p is taken as `if` would take it', async (answer, heard) => {
    const calls: string[] = [];
    class Desk {
      @EventHandler(Liked, { when: () => answer as boolean }) hears() {
        calls.push('heard');
      }
    }
    bus.attach(new Desk());
    router.add({ name: 'odd', source: 'like.*', condition: () => answer as boolean, target: 'odd' });
    bus.subscribe(topic('odd'), () => calls.push('routed'));
    await bus.publish('post-1', [new Liked('ann')]);
    expect(calls).toEqual(heard.flatMap((it) => [it, 'routed']));
  });

  test('one that gives a promise is refused, whatever the promise does', async () => {
    class Desk {
      @EventHandler(Liked, { when: (async () => Promise.reject(new Error('later'))) as never }) hears() {
        throw new Error('It was called.');
      }
    }
    bus.attach(new Desk());
    const { outcomes } = await bus.publish('post-1', [new Liked('ann')]);
    expect(outcomes).toMatchObject([
      {
        outcome: 'failed',
        error: { code: 'BACKSTORY_INVALID_DEFINITION', message: expect.stringContaining('must say at once') },
      },
    ]);
  });

  test.each<[string, () => unknown, string]>([
    ['to nothing', () => bus.subscribe(undefined as never, () => undefined), 'needs what to listen to'],
    ['without a function', () => bus.subscribe(Liked, undefined as never), 'needs a function'],
    [
      'with an object that handles nothing',
      () => bus.attach(new Date()),
      'Date has no method with @EventHandler',
    ],
    [
      'with an option that is none',
      () => bus.subscribe(Liked, () => 1, { timeout: 1 } as never),
      'timeout: is no option',
    ],
  ])('%s is refused', (_, listen, message) => expect(listen).toThrow(message));
});

describe('middleware', () => {
  test('observes, replaces and drops, in order, before anything is recorded', async () => {
    const seen: unknown[] = [];
    bus.use((event, about) => void seen.push([event, about]));
    bus.use((event) => (event instanceof Liked && event.by === 'ann' ? new Liked('ANN') : undefined));
    const refuse = bus.use((event) => (event instanceof Unliked ? drop('nobody unlikes') : undefined));
    const published = await bus.publish('post-1', [new Liked('ann'), new Unliked('bob'), new Liked('bob')]);
    expect((await log()).map(({ data }) => (data as Liked).by)).toEqual(['ANN', 'bob']);
    expect(published.dropped).toEqual([{ event: new Unliked('bob'), reason: 'nobody unlikes' }]);
    expect(seen[0]).toEqual([new Liked('ann'), { stream: 'post-1', transient: false }]);
    refuse();
    expect((await bus.publish('post-1', [new Unliked('bob')])).dropped).toEqual([]);
  });

  test('that drops everything leaves nothing to record', async () => {
    bus.use(async () => drop('closed'));
    const published = await bus.publish('post-1', [new Liked('ann')]);
    expect(published).toMatchObject({ record: undefined, outcomes: [], dropped: [{ reason: 'closed' }] });
    expect(await log()).toEqual([]);
  });

  test('that throws keeps the event from being recorded, and the bus goes on', async () => {
    const end = bus.use(() => {
      throw new Error('not today');
    });
    await expect(bus.publish('post-1', [new Liked('ann')])).rejects.toThrow('not today');
    expect(await log()).toEqual([]);
    end();
    await bus.publish('post-1', [new Liked('ann')]);
    expect(await log()).toHaveLength(1);
  });
});

test('middleware that does not answer fails the publishing when its time is over: nothing is recorded, and the bus closes', async () => {
  bus = busOf({ timeoutMs: 5 });
  const hold = latch();
  bus.use(() => hold.opened);
  const publishing = bus.publish('post-1', [new Liked('ann')]);
  const closed = bus.close();
  await expect(publishing).rejects.toMatchObject({
    code: 'BACKSTORY_MIDDLEWARE_TIMED_OUT',
    ...{ stream: 'post-1', timeoutMs: 5 },
  });
  await closed;
  hold.open();
  await hold.opened;
  expect(await log()).toEqual([]);
});

test.each<[string, () => unknown, string]>([
  ['middleware that is none', () => bus.use(undefined as never), 'use needs a function'],
  ['nothing to attach', () => bus.attach(null as never), 'attach needs an object'],
  ['a name that is none', () => bus.subscribe(Liked, never, { name: 5 as never }), 'name: must be text'],
  [
    'a priority that is none',
    () => bus.subscribe(Liked, never, { priority: 'urgent' as never }),
    'priority: must be one of low, normal, high, critical, not "urgent".',
  ],
])('%s is refused', (_, wrong, message) => expect(wrong).toThrow(message));

test.each<[string, unknown, object]>([
  ['a stream that is none', 7, {}],
  ['a stream that is none, of a transient event', '', { transient: true }],
  ['metadata that are none', 'post-1', { metadata: 7 }],
  ['metadata that are none, of a transient event', 'post-1', { transient: true, metadata: null }],
])('%s: refused, and nothing happens', async (_, stream, options) => {
  const seen: Liked[] = [];
  bus.subscribe(Liked, (event) => void seen.push(event));
  await expect(bus.publish(stream as string, [new Liked('ann')], options)).rejects.toMatchObject({
    ...{ code: 'BACKSTORY_INVALID_OPTION', option: stream === 'post-1' ? 'metadata' : 'stream' },
  });
  expect([seen, await log()]).toEqual([[], []]);
});

test('an event is transient or not: anything else is refused, and nothing happens', async () => {
  await expect(
    bus.publish('post-1', [new Liked('ann')], { transient: 'yes' as never }),
  ).rejects.toMatchObject({
    ...{ code: 'BACKSTORY_INVALID_OPTION', option: 'transient' },
  });
  expect(await log()).toEqual([]);
});

describe('a transient event', () => {
  test('is handed out like any other, and not recorded', async () => {
    const seen: RecordedEvent<Liked>[] = [];
    bus.subscribe(Liked, (_, recorded) => void seen.push(recorded));
    const published = await bus.publish('post-1', [new Liked('ann')], {
      transient: true,
      metadata: { actor: 'ann' },
    });
    expect(published).toMatchObject({ record: undefined, outcomes: [{ outcome: 'handled' }] });
    expect(seen).toMatchObject([
      { type: 'like.added', stream: 'post-1', position: 0, version: 0, data: { by: 'ann' } },
    ]);
    expect(seen[0]!.data).toBeInstanceOf(Liked);
    expect(seen[0]!.metadata).toMatchObject({ source: 'social', actor: 'ann', correlationId: seen[0]!.id });
    expect(await log()).toEqual([]);
  });

  test('causes nothing: what its handlers do follows from what it followed from', async () => {
    bus.subscribe(Liked, () => bus.publish('post-1', [new Unliked('bob')], { transient: true }));
    bus.subscribe(Unliked, () => bus.publish('note-1', [new Noted()]));
    await Context.of({ correlationId: 'c-1' }).run(() => bus.publish('post-1', [new Liked('ann')]));
    const [liked, noted, ...others] = await log();
    expect(noted).toMatchObject({
      type: 'like.noted',
      metadata: { correlationId: 'c-1', causationId: liked!.id },
    });
    expect(others).toEqual([]);
  });
});

describe('a bus that is closed', () => {
  test('takes no more and waits for what is under way, also for what is being recorded', async () => {
    const hold = latch();
    const ended: string[] = [];
    bus.subscribe(Liked, async ({ by }) => {
      await hold.opened;
      ended.push(by);
    });
    await bus.publish('post-1', [new Liked('ann')], { wait: 'record' });
    const recording = bus.publish('post-1', [new Liked('bob')], { wait: 'record' });
    const closed = bus.close().then(() => ended.push('closed'));
    await expect(bus.publish('post-1', [new Liked('late')])).rejects.toThrow(BusClosed);
    hold.open();
    await Promise.all([closed, recording]);
    expect(ended).toEqual(['ann', 'bob', 'closed']);
  });
});

describe('a bus that is flooded', () => {
  test('makes publishers wait who do not wait for the handlers', async () => {
    bus = busOf({ maxPending: 2 });
    const hold = latch();
    bus.subscribe(Liked, () => hold.opened);
    await bus.publish('post-1', [new Liked('1')], { wait: 'record' });
    let isIn = false;
    const second = bus.publish('post-1', [new Liked('2')], { wait: 'record' }).then(() => (isIn = true));
    const third = bus.publish('post-1', [new Liked('3')], { wait: 'record' });
    await new Promise(setImmediate);
    expect(isIn).toBe(false);
    // It is recorded all the same.
    expect(await log()).toHaveLength(3);
    hold.open();
    await Promise.all([second, third]);
  });

  test('but not a handler that publishes, which would wait for itself', async () => {
    bus = busOf({ maxPending: 1 });
    bus.subscribe(Liked, () => bus.publish('note-1', [new Unliked('x')], { wait: 'record' }));
    const { outcomes } = await bus.publish('post-1', [new Liked('ann')]);
    expect(outcomes).toMatchObject([{ outcome: 'handled' }]);
  });
});

test('observers hear of the event, of each rule and of each handler', async () => {
  const heard: unknown[] = [];
  const around =
    (seam: string) =>
    async (start: () => object, work: (end: (facts: () => object) => void) => Promise<unknown>) => {
      let end: object | undefined;
      try {
        return await work((facts) => (end = facts()));
      } finally {
        heard.push([seam, start(), end]);
      }
    };
  const observer = {
    ...silent,
    publish: around('publish'),
    handle: around('handle'),
    route: (facts: () => object) => void heard.push(['route', facts()]),
    trace: () => ({ traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }),
  } as unknown as Observer;
  router = new Router([{ name: 'r', source: '*', target: 't', timeoutMs: 5 }], { observer });
  bus = busOf({ observer });
  bus.subscribe(Liked, () => 1, { name: 'fine' });
  bus.subscribe(Liked, () => Promise.reject(new Error('no')), { name: 'bad' });
  bus.subscribe(topic('t'), never, { name: 'slow' });
  await bus.publish('post-1', [new Liked('ann')]);
  const event = expect.objectContaining({
    type: 'like.added',
    stream: 'post-1',
    position: 1,
    source: 'social',
  });
  const handle = (handler: string, outcome: string) => [
    'handle',
    { subscription: 'bus', handler, attempt: 1, event, previous: undefined },
    { outcome },
  ];
  expect(heard).toEqual([
    ['route', { rule: 'r', target: 't', eventType: 'like.added', result: 'matched' }],
    handle('fine', 'handled'),
    handle('bad', 'failed'),
    handle('slow', 'timed-out'),
    ['route', { rule: 'r', target: 't', eventType: 'like.added', result: 'timed-out' }],
    ['publish', { event }, { targets: 3, failed: 2 }],
  ]);
});
