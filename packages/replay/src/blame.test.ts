import fc from 'fast-check';
import { Aggregate, EventSourcedAggregate, decider } from '@backstory/aggregate';
import { Context, Recorder } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import type { Json } from '@backstory/events';
import { Big, DomainEvent, EventHandler, Field, decimal, listOf, mapOf, setOf } from '@backstory/events';
import { LineAdded, LineRemoved, Noted, fillShop, openShop, type ShopApp } from '../../../test/support/shop';
import {
  blame,
  causeChain,
  changesBetween,
  history,
  stateAt,
  valueAt,
  valueHistory,
  type Blame,
  type ReplaySource,
} from './index.js';
import { formatStatePath, membersOf, type StatePart } from './paths.js';

/** What happens to a basket: everything a list, a map, a set and an object can go through. */
@DomainEvent('basket.changed')
class Changed {
  constructor(
    readonly how: keyof typeof HOW,
    readonly sku: string,
    readonly n: number,
  ) {}
}
class Line {
  @Field(decimal) price = new Big(1);
  constructor(
    readonly sku: string,
    public quantity: number,
  ) {}
}
@Aggregate('basket')
class Basket extends EventSourcedAggregate {
  @Field(listOf(Line, { key: 'sku' })) lines: Line[] = [];
  @Field(mapOf({ price: decimal })) prices = new Map<string, { price: Big }>();
  @Field(setOf(String)) tags = new Set<string>();
  notes: { text: string }[] = [];
  free: Record<string, unknown> = { begun: true };
  @EventHandler(Changed) protected changed({ how, sku, n }: Changed): void {
    HOW[how](this, sku, n);
  }
}
const HOW = {
  add: (it: Basket, sku: string, n: number) => it.lines.push(new Line(sku, n)),
  addFirst: (it: Basket, sku: string, n: number) => it.lines.unshift(new Line(sku, n)),
  count: (it: Basket, sku: string, n: number) =>
    it.lines.forEach((line) => line.sku === sku && (line.quantity = n)),
  remove: (it: Basket, sku: string) => (it.lines = it.lines.filter((line) => line.sku !== sku)),
  reverse: (it: Basket) => it.lines.reverse(),
  price: (it: Basket, sku: string, n: number) => it.prices.set(sku, { price: new Big(n) }),
  unprice: (it: Basket, sku: string) => it.prices.delete(sku),
  tag: (it: Basket, sku: string) => it.tags.add(sku),
  untag: (it: Basket, sku: string) => it.tags.delete(sku),
  note: (it: Basket, text: string) => it.notes.push({ text }),
  unnote: (it: Basket) => it.notes.shift(),
  put: (it: Basket, sku: string, n: number) => (it.free[sku] = n % 2 ? { n: [n] } : n),
  take: (it: Basket, sku: string) => delete it.free[sku],
  nothing: () => undefined,
};

async function sourceOf(events: readonly object[]): Promise<ReplaySource> {
  const store = new MemoryEventStore();
  const written = events.map((it) => ({ type: 'basket.changed', data: JSON.stringify(it) }));
  await new Recorder(store, { source: 'test' }).record([
    { stream: 'basket-1', expected: 'none', events: written },
  ]);
  return { events: store, aggregates: [Basket] };
}

/** Each leaf of a state by its path. */
function leaves(part: StatePart, steps: Parameters<typeof formatStatePath>[0] = []): [string, string][] {
  const members = membersOf(part);
  if (members.length === 0) return [[formatStatePath(steps), JSON.stringify(part.value)]];
  return members.flatMap(([step, member]) => leaves(member, [...steps, step]));
}

const changed = fc.record({
  how: fc.constantFrom(...(Object.keys(HOW) as (keyof typeof HOW)[])),
  sku: fc.constantFrom('pen', 'ink', 'a.b', '7'),
  n: fc.nat(3),
});

test('each value is blamed on the last event after which it was another one, however the state is held', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(changed, { minLength: 1, maxLength: 30 }), async (events) => {
      const source = await sourceOf(events);
      const type = (await import('@backstory/aggregate')).modelOf(Basket).type;
      const last = new Map<string, number>();
      let known = new Map<string, string>();
      let whole = '';
      let lastOfAll = 0;
      const states: Json[] = [];
      for (let version = 0; version <= events.length; version++) {
        const { state } = await stateAt(source, 'basket-1', { atVersion: version });
        states.push(state);
        const now = new Map(leaves({ value: state, type }));
        for (const [path, text] of now) if (known.get(path) !== text) last.set(path, version);
        if (JSON.stringify(state) !== whole) lastOfAll = version;
        [known, whole] = [now, JSON.stringify(state)];
      }
      const found = await blame(source, 'basket-1');
      const lines = found.lines.filter((it) => !it.isContainer);
      expect(lines.map((it) => [it.path, it.event?.version ?? 0])).toEqual(
        [...known.keys()].map((path) => [path, last.get(path)]),
      );
      expect(found.last?.version ?? 0).toBe(lastOfAll);
      // Asked for alone, a place is the same one also while the elements of its list had no keys of their own.
      for (const { path, value } of lines) {
        const texts = states.map((it) => JSON.stringify(valueAt(it, path, type)));
        const lastOfOne = texts.findLastIndex((it, version) => it !== texts[version - 1]);
        const one = await blame(source, 'basket-1', { path });
        expect([one.path, one.value, one.last?.version ?? 0]).toEqual([path, value, lastOfOne]);
      }
    }),
    { numRuns: 60 },
  );
});

test('the changes of each event lead from the state before to the state after, by the keys of lists', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(changed, { minLength: 1, maxLength: 30 }), async (events) => {
      const type = (await import('@backstory/aggregate')).modelOf(Basket).type;
      for await (const { before, after, changes } of history(await sourceOf(events), 'basket-1')) {
        // Read one after another, and each for itself.
        const plain = <T>(it: T): T => JSON.parse(JSON.stringify(it)) as T;
        expect(changes).toEqual(changesBetween(plain(before), plain(after), type));
        expect(changes.length === 0).toBe(JSON.stringify(before) === JSON.stringify(after));
        for (const { path, ...sides } of changes) {
          expect(valueAt(before, path, type)).toEqual(sides.before);
          expect(valueAt(after, path, type)).toEqual(sides.after);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('an element keeps its history while others come and go before it, where its list has a key', async () => {
  const e = (how: keyof typeof HOW, sku: string, n = 0) => new Changed(how, sku, n);
  const source = await sourceOf([
    e('add', 'pen', 1),
    e('addFirst', 'ink', 1),
    e('count', 'pen', 5),
    e('remove', 'ink'),
    e('note', 'a'),
    e('note', 'b'),
    e('unnote', ''),
  ]);
  const at = async (path: string) => versionOf(await blame(source, 'basket-1', { path }));
  expect(await at('lines[sku="pen"].quantity')).toBe(3);
  expect(await at('lines[sku=pen].price')).toBe(1);
  expect(await at('lines[0].price')).toBe(1);
  expect((await blame(source, 'basket-1', { path: 'lines[0].price' })).path).toBe('lines[sku="pen"].price');
  // Without a key what was the second element is now the first.
  expect(await at('notes[0].text')).toBe(7);
  const ink = await blame(source, 'basket-1', { path: 'lines[sku="ink"]' });
  expect(ink).toMatchObject({ path: 'lines[sku="ink"]', last: { version: 4 }, lines: [] });
  expect(ink).not.toHaveProperty('value');
  const lines = await blame(source, 'basket-1', { path: 'lines' });
  expect(lines.lines[0]).toMatchObject({ path: 'lines', isContainer: true, event: { version: 4 } });
  expect(await at('free.begun')).toBe(0);
  expect(await blame(source, 'basket-1', { path: 'lines', atVersion: 3 })).toMatchObject({
    version: 3,
    last: { version: 3 },
  });
  const history = await all(valueHistory(source, 'basket-1', { path: 'lines[sku="pen"].quantity' }));
  expect(history.map(({ event, before, after }) => [event?.version, before, after])).toEqual([
    [1, undefined, 1],
    [3, 1, 5],
  ]);
});

describe('in a shop', () => {
  let app: ShopApp;
  let source: ReplaySource;
  beforeEach(async () => {
    const shop = await openShop();
    app = shop.app;
    source = { events: app.events, aggregates: shop.definition.aggregates };
    await fillShop(app);
  });

  test('blame names the event with who, why and when', async () => {
    expect(await blame(source, 'cart-1', { path: 'lines[1].quantity' })).toMatchObject({
      stream: 'cart-1',
      version: 4,
      path: 'lines[1].quantity',
      value: 1,
      last: { version: 4, type: 'cart.line-added', metadata: { actor: 'ann', command: 'add' } },
      lines: [{ path: 'lines[1].quantity', value: 1, event: { version: 4 } }],
    });
  });

  test('as of a version or an instant it is what it was then', async () => {
    await app.record('cart-1', [new LineAdded('pen', 1), new LineRemoved('pen')]);
    const path = 'lines[0].quantity';
    expect(await blame(source, 'cart-1', { path, atVersion: 5 })).toMatchObject({
      value: 3,
      last: { version: 5 },
    });
    const { recordedAt } = (await blame(source, 'cart-1', { path, atVersion: 2 })).last!;
    expect(await blame(source, 'cart-1', { path, at: recordedAt })).toMatchObject({ version: 2, value: 2 });
    await expect(blame(source, 'cart-1', { atVersion: 99 })).rejects.toMatchObject({ wanted: 99, actual: 6 });
  });

  test('a path that the state never had is told from one that is gone', async () => {
    await app.record('cart-1', [new LineRemoved('pen'), new LineRemoved('ink')]);
    expect(await blame(source, 'cart-1', { path: 'lines[0]' })).toMatchObject({
      last: { version: 6 },
      lines: [],
    });
    for (const look of [
      () => blame(source, 'cart-1', { path: 'prices.pan' }),
      () => all(valueHistory(source, 'cart-1', { path: 'prices.pan' })),
    ])
      await expect(look()).rejects.toMatchObject({
        code: 'BACKSTORY_NO_SUCH_PATH',
        message: 'cart-1 never had prices.pan up to version 6: it has prices["a.b"], prices.pen.',
      });
    await expect(blame(source, 'cart-1', { path: 'a..b' })).rejects.toMatchObject({
      code: 'BACKSTORY_INVALID_QUERY',
    });
    await expect(blame(source, 'cart-9')).rejects.toMatchObject({ code: 'BACKSTORY_STREAM_NOT_FOUND' });
    await expect(blame(source, 'payment-9')).rejects.toMatchObject({ code: 'BACKSTORY_NO_AGGREGATE' });
    await expect(blame(source, 'cart-1', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });

  test('causation leads across streams to the root, and says where it leaves the log', async () => {
    const { events } = app;
    const [page] = await all(events.readStream('cart-2'));
    const { readRecorded } = await import('@backstory/core');
    const first = readRecorded(page!.events[0]!);
    expect((await causeChain(events, first)).causes.map((it) => `${it.stream} v${it.version}`)).toEqual([
      'cart-1 v4',
    ]);
    await Context.of({ causationId: 'lost-1' }).run(() => app.record('cart-5', [new Noted('x')]));
    const [other] = await all(events.readStream('cart-5'));
    expect(await causeChain(events, readRecorded(other!.events[0]!))).toEqual({
      causes: [],
      missing: 'lost-1',
    });
  });
});

test('the functional form is blamed as the class is', async () => {
  const tally = decider('tally', {
    initial: { counts: {}, total: 0 },
    events: { added: Changed },
    decide: {},
    evolve: {
      added: (state, { sku, n }: Changed) => ({
        counts: { ...state.counts, [sku]: n },
        total: state.total + n,
      }),
    },
  });
  const store = new MemoryEventStore();
  const data = (sku: string, n: number) => ({
    type: 'basket.changed',
    data: JSON.stringify({ how: 'add', sku, n }),
  });
  const events = [data('a', 1), data('b', 2), data('a', 1), data('c', 0)];
  await new Recorder(store, { source: 'test' }).record([{ stream: 'tally-1', expected: 'none', events }]);
  const { lines } = await blame({ events: store, aggregates: [tally] }, 'tally-1');
  expect(lines.map((it) => [it.path, it.event?.version])).toEqual([
    ['counts.a', 1],
    ['counts.b', 2],
    ['counts.c', 4],
    ['total', 3],
  ]);
});

function versionOf({ last }: Blame): number {
  return last?.version ?? 0;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const it of items) found.push(it);
  return found;
}
