import fc from 'fast-check';
import { Recorder } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import {
  Broken,
  Cart,
  LineAdded,
  LineRemoved,
  Noted,
  Priced,
  fillShop,
  openShop,
  type ShopApp,
} from '../../../test/support/shop';
import { bisect, bisectAll, type Bisected } from './expressions.js';
import { ReplayCursor, history, type ReplaySource } from './index.js';

let app: ShopApp;
let source: ReplaySource;
beforeEach(async () => {
  const shop = await openShop();
  app = shop.app;
  source = { events: app.events, aggregates: shop.definition.aggregates };
  await fillShop(app);
});

const versionOf = async (where: string, stream = 'cart-1') =>
  (await bisect(source, stream, { where })).version;

test('the first version is found at which a question to the state holds', async () => {
  expect(await bisect(source, 'cart-1', { where: 'lines.length == 2' })).toMatchObject({
    stream: 'cart-1',
    head: 4,
    version: 4,
    event: { version: 4, type: 'cart.line-added', metadata: { actor: 'ann' } },
    asked: 5,
  });
  expect(await versionOf('prices["a.b"] == 1')).toBe(3);
  expect(await versionOf('lines.length == 0')).toBe(0);
  expect(await versionOf('$before.lines.length == 1 && lines.length == 2')).toBe(4);
  expect(
    await versionOf('$event.type == "cart.priced" && $version == 3 && $id == 1 && $stream == "cart-1"'),
  ).toBe(3);
  expect(await versionOf('keys($state).length == 3')).toBe(1);
  expect(await bisect(source, 'cart-1', { where: 'lines.length > 9' })).toMatchObject({
    version: null,
    event: null,
  });
});

test('a misspelt property is told, where it is the reason that nothing is found', async () => {
  await expect(bisect(source, 'cart-1', { where: 'line.length > 1' })).rejects.toMatchObject({
    code: 'BACKSTORY_NO_SUCH_PATH',
    path: 'line',
    known: ['owner', 'lines', 'prices'],
  });
  expect(await versionOf('line == undefined')).toBe(0);
  await expect(bisect(source, 'cart-1', { where: 'lines <' })).rejects.toMatchObject({
    code: 'BACKSTORY_INVALID_EXPRESSION',
  });
  await expect(bisect(source, 'cart-9', { where: 'lines' })).rejects.toMatchObject({
    code: 'BACKSTORY_STREAM_NOT_FOUND',
  });
  const all = bisectAll(source, { category: 'cart', where: 'line.length > 1' });
  await expect(allOf(all)).rejects.toMatchObject({ code: 'BACKSTORY_NO_SUCH_PATH' });
});

test('what the question does not name may be unreadable', async () => {
  await app.record('cart-1', [new Broken('nan'), new LineAdded('cup', 1)]);
  expect(await versionOf('lines.length == 3')).toBe(6);
  await expect(versionOf('prices.total == 9')).rejects.toMatchObject({
    code: 'BACKSTORY_UNREADABLE_STATE',
    version: 5,
  });
  await app.record('cart-1', [new Broken('throw')]);
  await expect(versionOf('lines.length == 9')).rejects.toMatchObject({
    code: 'BACKSTORY_FOLD_FAILED',
    version: 7,
  });
});

test('by halves the same version is found of what holds on, and few are asked', async () => {
  const notes = Array.from({ length: 3_000 }, (_, i) =>
    i === 2_345 ? new LineAdded('cup', 5) : new Noted('x'),
  );
  for (let i = 0; i < notes.length; i += 500) await app.record('cart-1', notes.slice(i, i + 500));
  const where = 'lines.some(it => it.quantity == 5)';
  const found = await bisect(source, 'cart-1', { where, isMonotonic: true });
  expect(found).toMatchObject({ version: 2_350, event: { version: 2_350 }, handler: 'Cart.lineAdded' });
  expect(found.asked).toBeLessThan(16);
  expect(found.version).toBe(await versionOf(where));
  const halves = (text: string) => bisect(source, 'cart-1', { where: text, isMonotonic: true });
  expect(await halves('lines.length >= 0')).toMatchObject({ version: 0 });
  expect(await halves('lines.length > 9')).toMatchObject({ version: null, isMonotonic: true });
  await expect(halves('$before.owner == 1')).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_QUERY' });
});

test('every stream of a category is asked, with how far it is', async () => {
  await app.record('cart-3', [new LineAdded('a', 1), new LineAdded('b', 1)]);
  const progress: number[][] = [];
  const found = await allOf(
    bisectAll(source, {
      category: 'cart',
      where: 'lines.length == 2',
      onProgress: (...it) => progress.push(it),
    }),
  );
  expect(found.map((it) => [it.stream, it.version])).toEqual([
    ['cart-1', 4],
    ['cart-3', 2],
  ]);
  expect(progress).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
});

test('a stream that cannot be folded is given as such, and the others are asked', async () => {
  await app.record('cart-2', [new LineAdded('a', 1), new Broken('throw')]);
  await app.record('cart-3', [new LineAdded('a', 1), new LineAdded('b', 1)]);
  const found = await allOf(bisectAll(source, { category: 'cart', where: 'lines.length == 2' }));
  expect(found).toMatchObject([
    { stream: 'cart-1', version: 4 },
    {
      stream: 'cart-2',
      version: null,
      failed: { version: 3, type: 'cart.broken', code: 'BACKSTORY_FOLD_FAILED' },
    },
    { stream: 'cart-3', version: 2 },
  ]);
  // Where it holds before that, it holds.
  const before = await allOf(bisectAll(source, { category: 'cart', where: 'lines.length == 1' }));
  expect(before.map((it) => [it.stream, it.version])).toEqual([
    ['cart-1', 2],
    ['cart-2', 2],
    ['cart-3', 1],
  ]);
  const none = await allOf(bisectAll(source, { category: 'cart', where: 'lines.length == 9' }));
  expect(none).toMatchObject([{ stream: 'cart-2', version: null, failed: {} }]);
});

test('a cursor goes to where it begins to hold, again and again', async () => {
  await app.record('cart-1', [new LineRemoved('pen'), new Priced({}), new LineAdded('cup', 1)]);
  const cursor = await ReplayCursor.open(source, 'cart-1');
  const next = (after: number) => cursor.nextWhere('lines.length == 2', after);
  expect(await Promise.all([0, 3, 4, 6, 7].map(next))).toEqual([4, 4, 7, 7, undefined]);
  await expect(cursor.nextWhere('line.length > 1', 0)).rejects.toMatchObject({
    code: 'BACKSTORY_NO_SUCH_PATH',
    path: 'line',
  });
  await expect(cursor.nextWhere('a b', 0)).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_EXPRESSION' });
});

test('what only earlier states had is not taken for a misspelling', async () => {
  const { Aggregate, EventSourcedAggregate } = await import('@backstory/aggregate');
  const { DomainEvent, EventHandler } = await import('@backstory/events');
  @DomainEvent('lamp.switched')
  class Switched {}
  @Aggregate('lamp')
  class Lamp extends EventSourcedAggregate {
    light?: number;
    @EventHandler(Switched) protected switched(): void {
      if (this.light === undefined) this.light = 7;
      else delete this.light;
    }
  }
  const store = new MemoryEventStore();
  const events = [1, 2].map(() => ({ type: 'lamp.switched', data: '{}' }));
  await new Recorder(store, { source: 'test' }).record([{ stream: 'lamp-1', expected: 'none', events }]);
  const cursor = await ReplayCursor.open({ events: store, aggregates: [Lamp] }, 'lamp-1');
  expect(await cursor.nextWhere('light > 9', 2)).toBeUndefined();
  await expect(cursor.nextWhere('lihgt > 9', 2)).rejects.toMatchObject({ path: 'lihgt' });
});

test('maps are asked by their keys', async () => {
  const { Aggregate, EventSourcedAggregate } = await import('@backstory/aggregate');
  const { DomainEvent, EventHandler, Field, decimal, mapOf, Big } = await import('@backstory/events');
  @DomainEvent('rate.set')
  class Set_ {
    constructor(readonly name: string) {}
  }
  @Aggregate('rate')
  class Rates extends EventSourcedAggregate {
    @Field(mapOf({ value: decimal })) by = new Map<string, { value: InstanceType<typeof Big> }>();
    @EventHandler(Set_) protected set({ name }: Set_): void {
      this.by.set(name, { value: new Big(this.by.size) });
    }
  }
  const store = new MemoryEventStore();
  const events = ['a', 'b.c', 'd'].map((name) => ({ type: 'rate.set', data: JSON.stringify({ name }) }));
  await new Recorder(store, { source: 'test' }).record([{ stream: 'rate-1', expected: 'none', events }]);
  const rates = { events: store, aggregates: [Rates] };
  expect(await bisect(rates, 'rate-1', { where: 'by["b.c"].value == 1' })).toMatchObject({ version: 2 });
  expect(await bisect(rates, 'rate-1', { where: 'by.some(it => it.value > 1)' })).toMatchObject({
    version: 3,
  });
});

test('the version is that of the first state of the history for which it holds', async () => {
  const event = fc.constantFrom('pen', 'ink', 'cup').chain((sku) =>
    fc.oneof(
      fc.nat(3).map((n) => new LineAdded(sku, n)),
      fc.constant(new LineRemoved(sku)),
    ),
  );
  let cart = 10;
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 20 }), fc.nat(8), async (events, most) => {
      const stream = `cart-${cart++}`;
      await app.record(stream, events);
      let first: number | null = null;
      for await (const step of history(source, stream)) {
        const { lines } = step.after as unknown as Cart;
        if (lines.reduce((sum, it) => sum + it.quantity, 0) > most) first ??= step.event.version;
      }
      expect(await versionOf(`sum(lines.map("quantity")) > ${most}`, stream)).toBe(first);
    }),
    { numRuns: 50 },
  );
});

async function allOf(items: AsyncIterable<Bisected>): Promise<Bisected[]> {
  const found: Bisected[] = [];
  for await (const it of items) found.push(it);
  return found;
}
