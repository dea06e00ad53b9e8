import { Context, type StoredEvent } from '@backstory/core';
import { BEGIN, Noted, fillShop, openShop, type ShopApp } from '../../../test/support/shop';
import { causesOf, events, stats, streams, trace, type TraceNode } from './index.js';

let app: ShopApp;
let ids: Awaited<ReturnType<typeof fillShop>>;

beforeEach(async () => {
  ({ app } = await openShop());
  ids = await fillShop(app);
});

describe('a trace', () => {
  test('is the whole flow as a tree, from the id of any of its events or from its correlation id', async () => {
    const flow = await trace(app.events, ids.paid);
    expect(flow.correlationId).toBe(ids.correlationId);
    expect(flow.roots.map(shape)).toEqual([
      [
        'cart-1 v4',
        [
          ['payment-9 v1', []],
          ['cart-2 v1', []],
        ],
      ],
    ]);
    expect(await trace(app.events, ids.added)).toEqual(flow);
    expect(await trace(app.events, ids.correlationId)).toEqual(flow);
    expect(flow).not.toHaveProperty('truncatedAt');
  });

  test('puts every event below the one that caused it, and the children in the order of the log', async () => {
    let cause = await one({ ids: [ids.paid] });
    for (const depth of [1, 2, 3]) {
      const handled = Context.handling(cause, { subscription: 's', handler: 'h' });
      const { ids: noted } = await handled.run(() =>
        app.record(`cart-9${depth}`, [new Noted('a'), new Noted('b')]),
      );
      cause = await one({ ids: [noted[0]!] });
    }
    const flow = await trace(app.events, ids.correlationId);
    const check = ({ event, children }: TraceNode): number => {
      for (const child of children) expect(child.event.metadata.causationId).toBe(event.id);
      const places = children.map((it) => it.event.position);
      expect(places).toEqual([...places].sort((a, b) => a - b));
      return 1 + children.reduce((sum, it) => sum + check(it), 0);
    };
    expect(flow.roots.reduce((sum, it) => sum + check(it), 0)).toBe(9);
    expect(flow.roots).toHaveLength(1);
  });

  test('has an event for a root whose cause is not in the flow', async () => {
    const given = Context.of({ correlationId: 'job-7', causationId: ids.paid });
    await given.run(() => app.record('cart-5', [new Noted('x')]));
    await Context.of({ correlationId: 'job-7' }).run(() => app.record('cart-6', [new Noted('y')]));
    expect((await trace(app.events, 'job-7')).roots.map(shape)).toEqual([
      ['cart-5 v1', []],
      ['cart-6 v1', []],
    ]);
  });

  test('of a flow with more events than the limit has the first ones, and says so', async () => {
    expect(await trace(app.events, ids.paid, { limit: 2 })).toMatchObject({ truncatedAt: 2 });
    const { roots } = await trace(app.events, ids.paid, { limit: 2 });
    expect(roots.map(shape)).toEqual([['cart-1 v4', [['payment-9 v1', []]]]]);
    expect(await trace(app.events, ids.paid, { limit: 3 })).not.toHaveProperty('truncatedAt');
    await expect(trace(app.events, ids.paid, { limit: 0 })).rejects.toMatchObject({ option: 'limit' });
    await expect(trace(app.events, ids.paid, { limit: 10_001 })).rejects.toMatchObject({ option: 'limit' });
  });

  test('leaves system events out unless asked, or unless one of them is asked for', async () => {
    const { Recorder } = await import('@backstory/core');
    const recorder = new Recorder(app.events, { source: 'shop' });
    const written = await Context.of({ correlationId: ids.correlationId }).run(() =>
      recorder.record([{ stream: '_ops-1', expected: 'any', events: [{ type: 'ops.paused', data: '{}' }] }], {
        system: true,
      }),
    );
    const size = async (id: string, options = {}) => (await trace(app.events, id, options)).roots.length;
    expect(await size(ids.correlationId)).toBe(1);
    expect(await size(ids.correlationId, { includeSystem: true })).toBe(2);
    expect(await size(written.ids[0]!)).toBe(2);
  });

  test('of an id that is neither event nor correlation says so', async () => {
    await expect(trace(app.events, 'nothing')).rejects.toMatchObject({
      code: 'BACKSTORY_FLOW_NOT_FOUND',
      facts: { id: 'nothing' },
    });
  });

  test('never has an event below itself or below a later one, whatever a restored log claims', async () => {
    const { app: other } = await openShop();
    const metadata = (causationId: string) =>
      JSON.stringify({
        correlationId: 'c',
        causationId,
        source: 's',
        occurredAt: new Date(BEGIN).toISOString(),
      });
    const event = (position: number, causationId: string): StoredEvent => ({
      id: `e${position}`,
      stream: 'cart-1',
      version: position,
      position,
      appendIndex: 0,
      type: 'cart.noted',
      schemaVersion: 1,
      data: '{}',
      metadata: metadata(causationId),
      recordedAt: new Date(BEGIN),
    });
    await other.events.restore([{ events: [event(1, 'e1'), event(2, 'e3'), event(3, 'e2')], through: 3 }]);
    expect((await trace(other.events, 'c')).roots.map(shape)).toEqual([
      ['cart-1 v1', []],
      ['cart-1 v2', [['cart-1 v3', []]]],
    ]);
  });
});

test('events and streams come one by one, filtered as the log is', async () => {
  expect((await all(events(app.events, { types: ['cart.line-added'] }))).map((it) => it.data)).toEqual([
    { sku: 'pen', quantity: 2 },
    { sku: 'ink', quantity: 1 },
  ]);
  expect((await all(streams(app.events))).map((it) => [it.stream, it.version])).toEqual([
    ['cart-1', 4],
    ['cart-2', 1],
    ['payment-9', 1],
  ]);
});

test('a cause may be an event of the framework', async () => {
  const { Recorder } = await import('@backstory/core');
  const write = { stream: '_ops-1', expected: 'any', events: [{ type: 'ops.paused', data: '{}' }] } as const;
  const { ids: written } = await new Recorder(app.events, { source: 'shop' }).record([write], {
    system: true,
  });
  const paid = await one({ ids: [ids.paid] });
  const caused = { ...paid, metadata: { ...paid.metadata, causationId: written[0]! } };
  expect((await causesOf(app.events, [caused])).get(written[0]!)?.stream).toBe('_ops-1');
});

test('causes are found by the ids that events carry; one that is not in the log is absent', async () => {
  const paid = await one({ ids: [ids.paid] });
  const orphan = { ...paid, metadata: { ...paid.metadata, causationId: 'lost' } };
  const causes = await causesOf(app.events, [paid, orphan, await one({ ids: [ids.added] })]);
  expect([...causes.keys()]).toEqual([ids.added]);
  expect(causes.get(ids.added)).toMatchObject({ stream: 'cart-1', version: 4 });
});

describe('the statistics of a log', () => {
  test('count what the log itself gives when it is read', async () => {
    const recorded = await all(events(app.events));
    const found = await stats(app.events);
    const { logId } = await app.events.identity();
    expect(found).toMatchObject({ logId, epoch: 1, head: 6, events: recorded.length, streams: 3 });
    expect(found.firstRecordedAt).toEqual(recorded[0]!.recordedAt);
    expect(found.lastRecordedAt).toEqual(recorded.at(-1)!.recordedAt);
    expect(found.categories).toEqual([
      { category: 'cart', streams: 2, events: 5 },
      { category: 'payment', streams: 1, events: 1 },
    ]);
    expect(found.types[0]).toEqual({
      type: 'cart.line-added',
      events: 2,
      lastRecordedAt: recorded[3]!.recordedAt,
    });
    expect(found.types.map((it) => it.type)).toEqual([
      'cart.line-added',
      'cart.noted',
      'cart.opened',
      'cart.priced',
      'payment.taken',
    ]);
    const stored: StoredEvent[] = [];
    for await (const page of app.events.readAll()) stored.push(...page.events);
    expect(found.bytes).toBe(stored.reduce((sum, it) => sum + Buffer.byteLength(it.data + it.metadata), 0));
  });

  test('are of one moment, whatever is recorded while they are counted', async () => {
    const growing = {
      identity: () => app.events.identity(),
      readAll: (query: object) => (void grow(), app.events.readAll(query)),
    } as unknown as typeof app.events;
    const grow = () => app.record('cart-1', [new Noted('late')]);
    expect(await stats(growing)).toMatchObject({ head: 6, events: 6 });
    expect((await app.events.identity()).head).toBe(7);
  });

  test('of an empty log are zeros', async () => {
    const { app: empty } = await openShop();
    expect(await stats(empty.events)).toMatchObject({
      head: 0,
      events: 0,
      streams: 0,
      firstRecordedAt: null,
      categories: [],
      types: [],
    });
  });

  test('report progress up to the head, and stop when told', async () => {
    const seen: [number, number][] = [];
    await stats(app.events, { onProgress: (...it) => seen.push(it) });
    expect(seen.at(-1)).toEqual([6, 6]);
    await expect(stats(app.events, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });
});

type Shape = [string, Shape[]];

function shape({ event, children }: TraceNode): Shape {
  return [`${event.stream} v${event.version}`, children.map(shape)];
}

async function one(query: Parameters<typeof events>[1]) {
  const [event] = await all(events(app.events, query));
  return event!;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
