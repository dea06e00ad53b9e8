import { modelOf } from '@backstory/aggregate';
import { DomainEvent } from '@backstory/events';
import {
  BEGIN,
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
import { Checkpoints } from './checkpoints.js';
import { ReplayCursor, history, valueAt, type HistoryStep, type ReplaySource } from './index.js';

let app: ShopApp;
let source: ReplaySource;

beforeEach(async () => {
  const shop = await openShop();
  app = shop.app;
  source = { events: app.events, aggregates: shop.definition.aggregates };
  await fillShop(app);
});
afterEach(() => jest.restoreAllMocks());

/** Cart 1 with this many versions in all. */
async function grow(versions: number) {
  const events = Array.from({ length: versions - 4 }, (_, i) => {
    if (i % 97 === 50) return new Priced({ pen: i });
    if (i % 50 === 49) return new LineRemoved('ink');
    return i % 3 === 0 ? new LineAdded('ink', i) : new Noted(String(i));
  });
  for (let i = 0; i < events.length; i += 500) await app.record('cart-1', events.slice(i, i + 500));
}

async function told(stream = 'cart-1'): Promise<HistoryStep[]> {
  const steps: HistoryStep[] = [];
  for await (const step of history(source, stream)) steps.push(step);
  return steps;
}

/** The order of a pack of cards that was shuffled the same way every time. */
function shuffled(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => ((i * 7_919) % count) + 1);
}

describe('a cursor', () => {
  test('gives states away: what is done to them changes no history', async () => {
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const { state } = await cursor.at(1);
    Object.assign(state as object, { by: 'somebody else' });
    for (const { event, before, after, changes } of (await told()).slice(0, 2))
      expect(await cursor.at(event.version)).toMatchObject({ before, state: after, changes });
    expect((await cursor.at(1)).state).not.toHaveProperty('by');
  });

  test('finds events by a text in their type, data or metadata, forwards and back, also where nothing folds them', async () => {
    await grow(1_300);
    await app.record('cart-1', [new LineAdded('Ünique "sku"', 1)]);
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const events = (await told()).map(({ event }) => event);
    for (const text of ['PRICED', 'ünique \\"', '"n":1', 'ann', events[700]!.metadata.correlationId]) {
      const has = events.filter(({ type, data, metadata }) =>
        [type, JSON.stringify(data), JSON.stringify(metadata)].some((it) =>
          it.toLowerCase().includes(text.toLowerCase()),
        ),
      );
      const versions = has.map(({ version }) => version);
      for (const at of [0, 1, 5, 650, 1_300, 1_301]) {
        const asked = [await cursor.nextText(text, at), await cursor.previousText(text, at)];
        expect([text, at, ...asked]).toEqual([
          text,
          at,
          versions.find((it) => it > at),
          versions.findLast((it) => it < at),
        ]);
      }
    }
    const unknown = await ReplayCursor.open({ ...source, aggregates: [] }, 'cart-1');
    expect(await unknown.nextText('priced', 0)).toBe(await cursor.nextText('priced', 0));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(cursor.nextText('nowhere', 0, { signal })).rejects.toThrow('enough');
    await expect(cursor.previousText('x', 9_999)).rejects.toMatchObject({
      code: 'BACKSTORY_VERSION_OUT_OF_RANGE',
    });
  });

  test('shows at each version, whichever order it goes, what the history tells', async () => {
    await grow(1_301);
    const steps = await told();
    const cursor = await ReplayCursor.open(source, 'cart-1');
    expect(cursor.head).toBe(1_301);
    const back = Array.from({ length: 40 }, (_, i) => 1_300 - i);
    for (const version of [1, 2, 3, 1_301, ...back, 1_260, 1_261, ...shuffled(1_301).slice(0, 200)]) {
      const { event, before, after, changes } = steps[version - 1]!;
      expect(await cursor.at(version)).toEqual({
        version,
        event,
        before,
        state: after,
        changes,
        failure: null,
      });
    }
  });

  test('shows the initial state at version 0, which no event made', async () => {
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const state = { lines: [], prices: {} };
    const initial = { version: 0, event: null, before: undefined, state, changes: [], failure: null };
    expect(await cursor.at(0)).toEqual(initial);
    await cursor.at(4);
    expect(await cursor.at(0)).toEqual(initial);
  });

  test('is opened without reading the stream, and goes back without reading it again', async () => {
    await grow(6_000);
    let read = 0;
    const counted = countedReads((count) => (read += count));
    const cursor = await ReplayCursor.open({ ...source, events: counted }, 'cart-1');
    await cursor.at(1);
    expect(read).toBeLessThanOrEqual(4);
    await cursor.at(6_000);
    for (const version of [5_999, 5_900, 3_001, 3_000, 257]) {
      read = 0;
      await cursor.at(version);
      expect(read).toBeLessThan(300);
    }
  });

  test('answers calls that are made at once one after another', async () => {
    await grow(600);
    const steps = await told();
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const found = await Promise.all([600, 2, 300, 1].map((version) => cursor.at(version)));
    expect(found.map((it) => it.state)).toEqual([600, 2, 300, 1].map((it) => steps[it - 1]!.after));
  });

  test('tells the same where the aggregate cannot be restored', async () => {
    await grow(1_000);
    const steps = await told();
    const model = modelOf(Cart);
    jest.spyOn(model, 'restore').mockImplementation((id) => model.create(id));
    const cursor = await ReplayCursor.open(source, 'cart-1');
    for (const version of [1_000, 700, 300, 900])
      expect((await cursor.at(version)).state).toEqual(steps[version - 1]!.after);
  });

  test('refuses a version that the stream does not have, until it has it and was looked at again', async () => {
    const cursor = await ReplayCursor.open(source, 'cart-1');
    for (const version of [5, -1, 1.5, NaN])
      await expect(cursor.at(version)).rejects.toMatchObject({ code: 'BACKSTORY_VERSION_OUT_OF_RANGE' });
    await app.record('cart-1', [new Noted('late')]);
    await expect(cursor.at(5)).rejects.toMatchObject({ actual: 4 });
    expect(await cursor.refresh()).toBe(5);
    expect(await cursor.at(5)).toMatchObject({ event: { data: { text: 'late' } }, changes: [] });
  });

  test('knows the version of an instant', async () => {
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const at = (ms: number) => cursor.versionAt(new Date(BEGIN + ms));
    expect(await Promise.all([-1, 0, 999, 1_000, 99_000].map(at))).toEqual([0, 1, 1, 2, 4]);
    await expect(cursor.versionAt(new Date('x'))).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_QUERY' });
  });

  test('of a stream that is not there names the streams that are called nearly so', async () => {
    await expect(ReplayCursor.open(source, 'card-1')).rejects.toMatchObject({
      code: 'BACKSTORY_STREAM_NOT_FOUND',
      near: ['cart-1', 'cart-2'],
    });
  });

  test('of a stream that no aggregate folds shows its events, and says so', async () => {
    const cursor = await ReplayCursor.open(source, 'payment-9');
    expect(cursor.eventsOnly).toMatchObject({ code: 'BACKSTORY_NO_AGGREGATE' });
    expect(await cursor.at(1)).toEqual({
      version: 1,
      event: expect.objectContaining({ type: 'payment.taken', data: { amount: 7 } }),
      before: undefined,
      state: undefined,
      changes: null,
      failure: { version: 0, error: cursor.eventsOnly },
    });
    expect(await cursor.at(0)).toMatchObject({ version: 0, event: null, state: undefined });
    await expect(cursor.nextChange(['x'], 0)).rejects.toBe(cursor.eventsOnly);
  });
});

describe('an event that cannot be folded', () => {
  test.each([
    ['throws', () => app.record('cart-1', [new Broken('throw')]), 'BACKSTORY_FOLD_FAILED'],
    ['is unknown', () => recordUnknown(), 'BACKSTORY_UNKNOWN_EVENT_TYPE'],
  ])('because it %s hides neither what was before it nor the events after it', async (_, record, code) => {
    await grow(700);
    const steps = await told();
    await record();
    await app.record(
      'cart-1',
      Array.from({ length: 400 }, () => new Noted('x')),
    );
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const failure = { version: 701, error: expect.objectContaining({ code, version: 701 }) };
    for (const version of [1_101, 701, 702, 1_101]) {
      const step = await cursor.at(version);
      expect(step).toMatchObject({ state: undefined, changes: null, failure });
      expect(step.event!.version).toBe(version);
    }
    for (const version of [700, 699, 3, 700])
      expect((await cursor.at(version)).state).toEqual(steps[version - 1]!.after);
    await expect(cursor.nextChange(['owner'], 690)).rejects.toMatchObject({ code });
    expect(await cursor.previousChange(['owner'], 701)).toBe(1);
  });

  test('to a state that can be shown is passed over, and what changed is not made up', async () => {
    const priced = () => new Priced({ pen: 3, 'a.b': 1 });
    await app.record('cart-1', [new Broken('nan'), priced(), new Priced({ pen: 4 })]);
    const cursor = await ReplayCursor.open(source, 'cart-1');
    expect(await cursor.at(5)).toMatchObject({
      state: undefined,
      changes: null,
      failure: { version: 5, error: { code: 'BACKSTORY_UNREADABLE_STATE', path: 'cart.state.prices.total' } },
    });
    expect(await cursor.at(6)).toMatchObject({ state: { prices: { pen: 3 } }, changes: null, failure: null });
    expect(await cursor.nextChange(['prices.pen'], 4)).toBe(7);
  });

  test('to data that can be read is shown as one that cannot be read', async () => {
    const events = new Proxy(app.events, {
      get: (target, name) => {
        if (name !== 'readStream') return Reflect.get(target, name, target) as unknown;
        return async function* (...argv: Parameters<typeof target.readStream>) {
          for await (const page of target.readStream(...argv))
            yield {
              ...page,
              events: page.events.map((it) => (it.version === 4 ? { ...it, metadata: '{' } : it)),
            };
        };
      },
    });
    const cursor = await ReplayCursor.open({ ...source, events }, 'cart-1');
    expect(await cursor.at(4)).toMatchObject({ event: null, failure: { version: 4 } });
    expect(await cursor.at(3)).toMatchObject({ event: { version: 3 }, failure: null });
  });
});

describe('where a value changes', () => {
  const PATHS = [['owner'], ['prices.pen'], ['lines'], ['lines[1].quantity'], ['prices["a.b"]', 'owner']];

  test.each(PATHS)('%s: the next and the previous one are those of the whole history', async (...paths) => {
    await grow(600);
    const steps = await told();
    const text = (state: HistoryStep['after']) =>
      JSON.stringify(paths.map((path) => valueAt(state, path) ?? 'nothing'));
    const changed = steps
      .filter(({ before, after }) => text(before) !== text(after))
      .map((it) => it.event.version);
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const forwards: number[] = [];
    for (let at: number | undefined = 0; (at = await cursor.nextChange(paths, at)) !== undefined;)
      forwards.push(at);
    expect(forwards).toEqual(changed);
    const back: number[] = [];
    for (let at: number | undefined = 600; (at = await cursor.previousChange(paths, at)) !== undefined;)
      back.unshift(at);
    expect(back).toEqual(changed.filter((it) => it < 600));
    for (const version of [2, 599, 450, 512])
      expect(await cursor.nextChange(paths, version)).toBe(changed.find((it) => it > version));
    expect(await cursor.at(450)).toMatchObject({ state: steps[449]!.after });
  });

  test('is nowhere for a path that does not exist, and what is no path is refused', async () => {
    const cursor = await ReplayCursor.open(source, 'cart-1');
    expect(await cursor.nextChange(['lines[7]'], 0)).toBeUndefined();
    expect(await cursor.nextChange([], 0)).toBeUndefined();
    expect(await cursor.previousChange(['toString'], 4)).toBeUndefined();
    await expect(cursor.nextChange(['a..b'], 0)).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_QUERY' });
    await expect(cursor.previousChange(['a'], 9)).rejects.toMatchObject({ actual: 4 });
  });
});

describe('long work', () => {
  // A clock for which a few hundred events are over in a moment, and a few thousand are not.
  beforeEach(() => {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => (now += 0.05));
  });

  test('that folds with slow handlers is ended after a few more of them', async () => {
    await grow(400);
    let clock = 0;
    let folded = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => clock);
    const model = modelOf(Cart);
    const fold = model.fold.bind(model);
    jest.spyOn(model, 'fold').mockImplementation((aggregate, events) => {
      const { length } = [...events];
      folded += length;
      clock += length * 10;
      return fold(aggregate, events);
    });
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('enough'));
    await expect(cursor.at(400, { signal: stop.signal, onProgress })).rejects.toThrow('enough');
    expect(folded).toBeGreaterThan(0);
    expect(folded).toBeLessThan(12);
  });

  test('lets others have their turn, is ended by its signal, and can be begun again', async () => {
    await grow(5_004);
    const cursor = await ReplayCursor.open(source, 'cart-1');
    for (const work of [
      (signal: AbortSignal) => cursor.nextChange(['owner'], 1, { signal }),
      (signal: AbortSignal) => cursor.previousChange(['nothing'], 5_004, { signal }),
    ]) {
      const stop = new AbortController();
      const turn = setImmediate(() => stop.abort(new Error('enough')));
      await expect(work(stop.signal)).rejects.toThrow('enough');
      clearImmediate(turn);
    }
    expect(await cursor.nextChange(['owner'], 1)).toBeUndefined();
  });

  test('tells how far it is', async () => {
    await grow(5_004);
    const cursor = await ReplayCursor.open(source, 'cart-1');
    const seen: (readonly [number, number])[] = [];
    const onProgress = (...it: readonly [number, number]) => void seen.push(it);
    const works: (readonly [number, () => Promise<unknown>])[] = [
      [5_000, () => cursor.nextChange(['owner'], 4, { onProgress })],
      [5_004, () => cursor.previousChange(['nothing'], 5_004, { onProgress })],
    ];
    for (const [all, work] of works) {
      seen.length = 0;
      await work();
      expect(seen.length).toBeGreaterThan(0);
      for (const [at, to] of seen) expect([at > 0 && at <= all, to]).toEqual([true, all]);
      expect(seen.map(([at]) => at)).toEqual(seen.map(([at]) => at).sort((a, b) => a - b));
    }
  });
});

test('a path names a key or an index, quoted where it is no plain name', () => {
  const state = { a: { 'b.c': [1, { d: 2 }] }, 'x-y': null, '"': 3 };
  expect(valueAt(state, 'a["b.c"][1].d')).toBe(2);
  expect(valueAt(state, 'a["b.c"][0]')).toBe(1);
  expect(valueAt(state, 'x-y')).toBeNull();
  expect(valueAt(state, '["\\""]')).toBe(3);
  expect(valueAt(state, 'x-y.z')).toBeUndefined();
  expect(valueAt(state, 'constructor.name')).toBeUndefined();
  for (const path of ['', '.', 'a.', '.a', 'a[', 'a[x]', 'a]', 'a b"c', 'a["b', '["\\q"]'])
    expect(() => valueAt(state, path)).toThrow('is no path: write it like balance, lines[2].sku');
});

describe('states kept on the way', () => {
  test('are at most as many as allowed, and still spread over the whole way', () => {
    const kept = new Checkpoints(10, { count: 8, length: 1_000 });
    for (let version = 0; version < 100_000; version = kept.after(version))
      if (kept.wants(version)) kept.keep({ version, position: 1, text: 'x' });
    const gap = kept.after(0);
    expect(gap).toBeGreaterThanOrEqual(100_000 / 9);
    for (let version = gap; version < 95_000; version += 1_000)
      expect(version - kept.upTo(version)!.version).toBeLessThanOrEqual(gap);
    expect(kept.upTo(gap - 1)).toBeUndefined();
  });

  test('take at most as much memory as allowed, and a single one that is larger is not kept', () => {
    const kept = new Checkpoints(10, { count: 1_000, length: 100 });
    for (let version = 10; version <= 1_000; version += 10)
      if (kept.wants(version)) kept.keep({ version, position: 1, text: 'x'.repeat(30) });
    expect(new Set(Array.from({ length: 1_001 }, (_, i) => kept.upTo(i)?.version)).size).toBeLessThanOrEqual(
      4,
    );
    const large = new Checkpoints(10, { count: 1_000, length: 100 });
    large.keep({ version: 10, position: 1, text: 'x'.repeat(101) });
    expect(large.upTo(1_000)).toBeUndefined();
  });
});

function countedReads(count: (events: number) => void) {
  return new Proxy(app.events, {
    get: (target, name) => {
      if (name !== 'readStream') return Reflect.get(target, name, target) as unknown;
      return async function* (...argv: Parameters<typeof target.readStream>) {
        for await (const page of target.readStream(...argv)) {
          count(page.events.length);
          yield page;
        }
      };
    },
  });
}

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
