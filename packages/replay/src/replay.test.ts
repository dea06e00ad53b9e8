import { DomainEvent } from '@backstory/events';
import {
  BEGIN,
  Broken,
  Cart,
  LineRemoved,
  Noted,
  fillShop,
  openShop,
  type ShopApp,
} from '../../../test/support/shop';
import { diff, history, stateAt, type HistoryStep, type ReplaySource } from './index.js';

let app: ShopApp;
let source: ReplaySource;

beforeEach(async () => {
  const shop = await openShop();
  app = shop.app;
  source = { events: app.events, aggregates: shop.definition.aggregates };
  await fillShop(app);
});

describe('the state of a stream', () => {
  const now = {
    owner: 'Ann',
    lines: [
      { sku: 'pen', quantity: 2 },
      { sku: 'ink', quantity: 1 },
    ],
    prices: { 'a.b': 1, pen: 3 },
  };

  test('is what the last event made it, with that event’s place', async () => {
    expect(await stateAt(source, 'cart-1')).toEqual({
      stream: 'cart-1',
      version: 4,
      position: 4,
      recordedAt: new Date(BEGIN + 3_000),
      state: now,
    });
  });

  test('at each version is what the repository loads at that version', async () => {
    for (const atVersion of [1, 2, 3, 4]) {
      const { state, version } = await stateAt(source, 'cart-1', { atVersion });
      const loaded = await app.repository(Cart).load('1', { atVersion });
      expect(version).toBe(atVersion);
      expect(state).toEqual({ owner: loaded.owner, lines: loaded.lines, prices: loaded.prices });
    }
  });

  test('at version 0 is the initial state, which no event made', async () => {
    const initial = { version: 0, position: null, recordedAt: null, state: { lines: [], prices: {} } };
    expect(await stateAt(source, 'cart-1', { atVersion: 0 })).toEqual({ stream: 'cart-1', ...initial });
    expect(await stateAt(source, 'cart-1', { at: new Date(BEGIN - 1) })).toMatchObject(initial);
  });

  test('at an instant includes what was recorded at that very millisecond and nothing later', async () => {
    expect(await stateAt(source, 'cart-1', { at: new Date(BEGIN + 1_000) })).toMatchObject({ version: 2 });
    expect(await stateAt(source, 'cart-1', { at: new Date(BEGIN + 999) })).toMatchObject({ version: 1 });
    expect(await stateAt(source, 'cart-1', { at: new Date(BEGIN + 99_000) })).toMatchObject({ version: 4 });
    for (const at of [new Date('x'), '2020-01-01' as never]) {
      await expect(stateAt(source, 'cart-1', { at })).rejects.toMatchObject({
        code: 'BACKSTORY_INVALID_QUERY',
      });
    }
  });

  test('of a version the stream does not have is refused, saying the one it has', async () => {
    await expect(stateAt(source, 'cart-1', { atVersion: 5 })).rejects.toMatchObject({
      code: 'BACKSTORY_VERSION_OUT_OF_RANGE',
      facts: { stream: 'cart-1', wanted: 5, actual: 4 },
      message: 'cart-1 is at version 4, so it has no version 5: choose one from 1 to 4.',
    });
    await expect(stateAt(source, 'cart-1', { atVersion: 1.5 })).rejects.toMatchObject({ actual: 4 });
  });

  test('of a stream that is not there names the streams that are called nearly so', async () => {
    await expect(stateAt(source, 'card-1')).rejects.toMatchObject({
      code: 'BACKSTORY_STREAM_NOT_FOUND',
      facts: { stream: 'card-1', near: ['cart-1', 'cart-2'] },
    });
    await expect(stateAt(source, '9')).rejects.toMatchObject({ near: ['payment-9'] });
    const listed = jest.spyOn(source.events, 'listStreams');
    await stateAt(source, 'card-1').catch(() => undefined);
    expect(listed.mock.calls.length).toBeGreaterThan(0);
    for (const [query] of listed.mock.calls) expect(query?.limit).toBeLessThanOrEqual(1_000);
    listed.mockRestore();
    for (const id of ['3', '4', '5']) await app.record(`cart-${id}`, [new Noted('x')]);
    await expect(stateAt(source, 'cart-')).rejects.toMatchObject({ near: ['cart-1', 'cart-2', 'cart-3'] });
    await expect(stateAt(source, 'something-else')).rejects.toMatchObject({ near: [] });
  });

  test('of a category that no aggregate folds says which are known', async () => {
    await expect(stateAt(source, 'payment-9')).rejects.toMatchObject({
      code: 'BACKSTORY_NO_AGGREGATE',
      facts: { stream: 'payment-9', category: 'payment', known: ['cart'] },
    });
  });

  test('is not made up where an event is of a type that the aggregate does not know', async () => {
    await recordUnknown();
    await expect(stateAt(source, 'cart-1')).rejects.toMatchObject({
      code: 'BACKSTORY_UNKNOWN_EVENT_TYPE',
      facts: { type: 'cart.unheard-of', stream: 'cart-1', version: 5, reader: 'Cart' },
    });
    expect(await stateAt(source, 'cart-1', { atVersion: 4 })).toMatchObject({ state: now });
  });

  test('names stream, version, type and handler of a fold that throws', async () => {
    await app.record('cart-1', [new Broken('throw')]);
    await expect(stateAt(source, 'cart-1')).rejects.toMatchObject({
      code: 'BACKSTORY_FOLD_FAILED',
      facts: { stream: 'cart-1', version: 5, type: 'cart.broken', handler: 'Cart.broken' },
      message: expect.stringContaining('no such shelf'),
    });
  });

  test('names stream, version and path of a value that cannot be shown', async () => {
    await app.record('cart-1', [new Broken('nan')]);
    await expect(stateAt(source, 'cart-1')).rejects.toMatchObject({
      code: 'BACKSTORY_UNREADABLE_STATE',
      facts: { stream: 'cart-1', version: 5, type: 'cart.broken', path: 'cart.state.prices.total' },
    });
  });

  test('is not read further once the signal says so', async () => {
    await expect(stateAt(source, 'cart-1', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });
});

describe('the history of a stream', () => {
  test('gives each event with the state before and after it and what it changed', async () => {
    const steps = await all(history(source, 'cart-1'));
    expect(steps.map(({ event, changes }) => [event.version, event.type, changes])).toEqual([
      [1, 'cart.opened', [{ path: 'owner', after: 'Ann' }]],
      [2, 'cart.line-added', [{ path: 'lines[0]', after: { sku: 'pen', quantity: 2 } }]],
      [
        3,
        'cart.priced',
        [
          { path: 'prices["a.b"]', after: 1 },
          { path: 'prices.pen', after: 3 },
        ],
      ],
      [4, 'cart.line-added', [{ path: 'lines[1]', after: { sku: 'ink', quantity: 1 } }]],
    ]);
    expect(steps[0]!.before).toEqual({ lines: [], prices: {} });
    expect(steps.slice(1).map((it) => it.before)).toEqual(steps.slice(0, -1).map((it) => it.after));
    for (const { event, after } of steps)
      expect(after).toEqual((await stateAt(source, 'cart-1', { atVersion: event.version })).state);
  });

  test('is given in part, from and to a version, with the same states', async () => {
    const whole = await all(history(source, 'cart-1'));
    expect(await all(history(source, 'cart-1', { from: 2, to: 3 }))).toEqual(whole.slice(1, 3));
    expect(await all(history(source, 'cart-1', { from: 4 }))).toEqual(whole.slice(3));
    expect(await all(history(source, 'cart-1', { from: 3, to: 2 }))).toEqual([]);
    expect(await all(history(source, 'cart-1', { from: 0 }))).toEqual(whole);
    await expect(all(history(source, 'cart-1', { from: 5 }))).rejects.toMatchObject({ wanted: 5, actual: 4 });
    await expect(all(history(source, 'cart-1', { from: -1 }))).rejects.toMatchObject({ wanted: -1 });
    await expect(all(history(source, 'cart-1', { to: 5 }))).rejects.toMatchObject({ wanted: 5, actual: 4 });
  });

  test('gives the event as it was recorded', async () => {
    const [first] = await all(history(source, 'cart-1'));
    expect(first!.event).toMatchObject({
      data: { owner: 'Ann' },
      metadata: { actor: 'ann', command: 'open' },
    });
  });

  test('has a step without changes for an event that is ignored', async () => {
    expect(await all(history(source, 'cart-2'))).toMatchObject([
      { event: { type: 'cart.noted' }, changes: [] },
    ]);
  });

  test('of more events than a page is whole', async () => {
    const notes = Array.from({ length: 1_200 }, (_, i) => new Noted(String(i)));
    await app.record('cart-3', notes);
    const steps = await all(history(source, 'cart-3', { from: 601 }));
    expect(steps.map((it) => it.event.version)).toEqual(Array.from({ length: 600 }, (_, i) => 601 + i));
  });
});

test('what is recorded while a stream is folded is not part of the answer', async () => {
  const grow = () => app.record('cart-1', [new Noted('late')]);
  let first = true;
  const events = new Proxy(app.events, {
    get: (target, name) => {
      if (name !== 'readStream') return Reflect.get(target, name, target) as unknown;
      return async function* (...argv: Parameters<typeof target.readStream>) {
        // The first read finds the version the stream is at.
        if (!first) await grow();
        first = false;
        yield* target.readStream(...argv);
      };
    },
  });
  expect(await stateAt({ ...source, events }, 'cart-1')).toMatchObject({ version: 4 });
  expect(await stateAt(source, 'cart-1')).toMatchObject({ version: 5 });
});

describe('the difference between two versions', () => {
  test('names what came, went and is different, in either direction', async () => {
    await app.record('cart-1', [new LineRemoved('ink')]);
    expect(await diff(source, 'cart-1', { from: 4, to: 5 })).toEqual({
      from: 4,
      to: 5,
      changes: [{ path: 'lines[1]', before: { sku: 'ink', quantity: 1 } }],
    });
    expect(await diff(source, 'cart-1', { from: 5, to: 4 })).toEqual({
      from: 5,
      to: 4,
      changes: [{ path: 'lines[1]', after: { sku: 'ink', quantity: 1 } }],
    });
    expect(await diff(source, 'cart-1', { from: 0, to: 1 })).toMatchObject({ changes: [{ path: 'owner' }] });
    expect(await diff(source, 'cart-1', { from: 3, to: 3 })).toMatchObject({ changes: [] });
  });

  test('is refused for versions that are not there', async () => {
    await expect(diff(source, 'cart-1', { from: 9, to: 1 })).rejects.toMatchObject({ wanted: 9, actual: 4 });
    await expect(diff(source, 'cart-1', { from: 1, to: -1 })).rejects.toMatchObject({
      wanted: -1,
      actual: 4,
    });
  });
});

test('replaying leaves the log as it was', async () => {
  const before = await app.events.identity();
  await stateAt(source, 'cart-1');
  await all(history(source, 'cart-1'));
  await diff(source, 'cart-1', { from: 0, to: 4 });
  expect(await app.events.identity()).toEqual(before);
});

async function recordUnknown() {
  @DomainEvent('cart.unheard-of')
  class UnheardOf {
    readonly x = 1;
  }
  const { defineBackstory } = await import('backstory');
  const store = {
    description: 'same',
    open: async () => ({ events: app.events, state: app.state, close: async () => undefined }),
  };
  const other = await defineBackstory({ name: 'other', store, events: [UnheardOf] }).start({
    schedules: false,
  });
  await other.record('cart-1', [new UnheardOf()]);
}

async function all(steps: AsyncIterable<HistoryStep>): Promise<HistoryStep[]> {
  const found: HistoryStep[] = [];
  for await (const step of steps) found.push(step);
  return found;
}
