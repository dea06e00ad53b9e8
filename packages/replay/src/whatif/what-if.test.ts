import {
  LineAdded,
  LineRemoved,
  Cart,
  Opened,
  fillShop,
  openShop,
  type ShopApp,
} from '../../../../test/support/shop';
import { Context, Recorder, type ContextFields } from '@backstory/core';
import { Aggregate, EventHandler, EventSourcedAggregate } from 'backstory';
import { stateAt, type ReplaySource } from '../index.js';
import { whatIf, whatIfFlow } from '../whatif.js';

let app: ShopApp;
let source: ReplaySource;
let ids: Awaited<ReturnType<typeof fillShop>>;
beforeEach(async () => {
  const shop = await openShop();
  app = shop.app;
  source = { events: app.events, aggregates: shop.definition.aggregates };
  ids = await fillShop(app);
});

/** The state of a cart to which these things happened in fact. */
async function happened(...events: readonly object[]) {
  await app.record('cart-77', events);
  return (await stateAt(source, 'cart-77')).state;
}

test('without an event the stream is what it would be had it not happened', async () => {
  const found = await whatIf(source, 'cart-1', { skip: [2, 3] });
  expect(found).toMatchObject({ stream: 'cart-1', version: 4, wouldBeAt: 2 });
  expect(found.state).toEqual(await happened(new Opened('Ann'), new LineAdded('ink', 1)));
  expect(found.happened).toEqual((await stateAt(source, 'cart-1')).state);
  expect(found.changes.map((it) => it.path)).toEqual([
    'lines[0].sku',
    'lines[0].quantity',
    'lines[1]',
    'prices["a.b"]',
    'prices.pen',
  ]);
});

test('with another value, with events that did not happen, and in another order', async () => {
  const edit = [{ version: 2, path: 'quantity', value: 9 }];
  const insert = [
    { after: 0, type: 'cart.noted', data: { text: 'first' } },
    { after: 4, type: 'cart.line-removed', data: { sku: 'pen' } },
  ];
  expect(await whatIf(source, 'cart-1', { edit })).toMatchObject({
    changes: [{ path: 'lines[0].quantity', before: 2, after: 9 }],
  });
  const more = await whatIf(source, 'cart-1', { insert });
  expect(more.wouldBeAt).toBe(6);
  expect((more.state as unknown as Cart).lines).toEqual([{ sku: 'ink', quantity: 1 }]);
  const { state } = await whatIf(source, 'cart-1', { reorder: [4, 2] });
  expect((state as unknown as Cart).lines.map((it) => it.sku)).toEqual(['ink', 'pen']);
  await app.record('cart-1', [new LineRemoved('pen')]);
  const early = await whatIf(source, 'cart-1', { reorder: [5, 2], skip: [3] });
  expect((early.state as unknown as Cart).lines).toEqual([
    { sku: 'ink', quantity: 1 },
    { sku: 'pen', quantity: 2 },
  ]);
});

test('under other code it is what that code makes of it', async () => {
  @Aggregate('cart')
  class Other extends EventSourcedAggregate {
    owner = '';
    @EventHandler(Opened) protected opened({ owner }: Opened): void {
      this.owner = owner.toUpperCase();
    }
  }
  const code = [Other];
  await expect(whatIf(source, 'cart-1', { code })).rejects.toMatchObject({
    code: 'BACKSTORY_UNKNOWN_EVENT_TYPE',
  });
  const { state } = await whatIf(source, 'cart-1', { code, skip: [2, 3, 4] });
  expect(state).toEqual({ owner: 'ANN' });
});

test('of a flow all that followed is gone, in every stream', async () => {
  const found = await whatIfFlow(source, ids.correlationId, { skip: [ids.added] });
  expect(found.gone.map((it) => `${it.stream} v${it.version}`)).toEqual([
    'cart-1 v4',
    'payment-9 v1',
    'cart-2 v1',
  ]);
  expect(found.streams.map((it) => [it.stream, it.wouldBeAt, it.changes.length])).toEqual([
    ['cart-1', 3, 1],
    ['cart-2', 0, 0],
  ]);
  const part = await whatIfFlow(source, ids.correlationId, { skip: [ids.paid] });
  expect(part.gone.map((it) => it.stream)).toEqual(['payment-9']);
  await expect(whatIfFlow(source, ids.correlationId, { skip: ['x'] })).rejects.toMatchObject({
    code: 'BACKSTORY_EVENT_NOT_IN_FLOW',
  });
  await expect(whatIfFlow(source, 'nope', { skip: ['x'] })).rejects.toMatchObject({
    code: 'BACKSTORY_FLOW_NOT_FOUND',
  });
});

/** Records notes in a stream of its own, in a flow and from a cause, and gives the id of the first. */
async function noted(stream: string, flow: ContextFields, many = 1): Promise<string> {
  const text = JSON.stringify({ text: 'x' });
  const events = Array.from({ length: many }, () => ({ type: 'cart.noted', data: text }));
  const recorder = new Recorder(app.events, { source: 'test' });
  const { ids: made } = await Context.of(flow).run(() =>
    recorder.record([{ stream, expected: 'none', events }]),
  );
  return made[0]!;
}

test('a flow of any length is followed to its end', async () => {
  const flow = { correlationId: 'long' };
  const causationId = await noted('cart-50', flow);
  for (let i = 0; i < 11; i++) await noted(`note-${i}`, i < 10 ? { ...flow, causationId } : flow, 1_000);
  const { gone } = await whatIfFlow(source, 'long', { skip: [causationId] });
  expect(gone).toHaveLength(10_001);
});

test('what followed is gone in other flows as well, however far it is from the cause', async () => {
  const first = await noted('cart-60', { correlationId: 'one' });
  const second = await noted('cart-61', { correlationId: 'two', causationId: first });
  await noted('cart-62', { correlationId: 'three', causationId: second });
  await noted('cart-63', { correlationId: 'two' });
  const { gone, streams } = await whatIfFlow(source, 'one', { skip: [first] });
  expect(gone.map((it) => it.stream)).toEqual(['cart-60', 'cart-61', 'cart-62']);
  expect(streams.map((it) => [it.stream, it.wouldBeAt])).toEqual([
    ['cart-60', 0],
    ['cart-61', 0],
    ['cart-62', 0],
  ]);
  await expect(whatIfFlow(source, 'one', { skip: [second] })).rejects.toMatchObject({
    code: 'BACKSTORY_EVENT_NOT_IN_FLOW',
  });
});

test('what cannot be meant is refused', async () => {
  const no = (options: Parameters<typeof whatIf>[2]) => expect(whatIf(source, 'cart-1', options)).rejects;
  for (const options of [
    { skip: [5] },
    { skip: [0] },
    { reorder: [1, 9] },
    { edit: [{ version: 7, path: 'x', value: 1 }] },
    { insert: [{ after: 5, type: 'x', data: {} }] },
  ])
    await no(options).toMatchObject({ code: 'BACKSTORY_VERSION_OUT_OF_RANGE', actual: 4 });
  await no({ reorder: [1, 1] }).toMatchObject({ code: 'BACKSTORY_INVALID_QUERY' });
  await no({ edit: [{ version: 2, path: 'a.b', value: 1 }] }).toMatchObject({
    code: 'BACKSTORY_INVALID_QUERY',
  });
  await no({ insert: [{ after: 1, type: 'cart.unheard', data: {} }] }).toMatchObject({
    code: 'BACKSTORY_UNKNOWN_EVENT_TYPE',
    version: 2,
  });
});

test('the log is as it was', async () => {
  const before = await app.events.identity();
  await whatIf(source, 'cart-1', {
    skip: [1],
    insert: [{ after: 0, type: 'cart.noted', data: { text: 'x' } }],
  });
  expect(await app.events.identity()).toEqual(before);
});
