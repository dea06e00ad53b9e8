import { setTimeout as wait } from 'node:timers/promises';
import { Recorder, type OpenStorage, type StateStore } from '@backstory/core';
import type { Fence, StateTransaction, StateView } from '@backstory/core/state';
import { EventTypes } from '@backstory/events';
import { projection, type Documents, type Projections } from '@backstory/projection';
import { Deposited, Withdrawn } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { projectionsOn } from './support/projecting.js';

const ACCOUNTS = 60;

/** What a version makes says which version it was; the second one has every document twice. */
const marked = (version: number) =>
  projection('marked', {
    version,
    key: ({ stream }) => [stream, `${stream} again`].slice(0, version),
    indexes: ['sum'],
    initial: { version, sum: 0 },
    events: { Deposited, Withdrawn },
    fold: {
      Deposited: ({ sum }, { amount }) => ({ version, sum: sum + amount }),
      Withdrawn: ({ sum }, { amount }) => ({ version, sum: sum - amount }),
    },
  });

const types = new EventTypes([Deposited, Withdrawn]);

describeEachStorage(readersSee);

function readersSee(stores: TestStorage): void {
  let opened: OpenStorage;
  let reader: PacedReader | undefined;
  const running: Projections[] = [];
  const projecting = (version: number, on = opened) => {
    const projections = projectionsOn(on, [marked(version)]);
    running.push(projections);
    return projections;
  };
  beforeEach(async () => {
    opened = await stores.opened(await stores.storage());
  });
  afterEach(async () => {
    await reader?.stop();
    reader = undefined;
    for (const it of running.splice(0)) await it.close();
  });

  async function record(): Promise<void> {
    const writes = Array.from({ length: ACCOUNTS }, (_, i) => ({
      stream: `account-${100 + i}`,
      expected: 'any' as const,
      events: [types.encode(new Deposited(1)), types.encode(new Deposited(2))],
    }));
    await new Recorder(opened.events, { source: 'test' }).record(writes);
  }

  it('a reader a hundred times a second sees neither an error nor a mixture while it is rebuilt, verified, swapped and taken back', async () => {
    for (let i = 0; i < 20; i++) await record();
    const first = projecting(1);
    await first.start();
    await first.caughtUp('marked', (await opened.events.identity()).head, IN_TIME);
    reader = new PacedReader(first.named('marked'));

    const { state, holding } = holdable(opened.state);
    const second = projecting(2, { ...opened, state });
    // So slowly at first that it is not filled before it was read.
    await second.rebuild('marked', { eventsPerSecond: 20 });
    await second.start();
    await reader.answers(50);
    const { progress } = (await second.status('marked')).generations[1]!;
    expect(progress).toBeLessThan(1);
    await second.rebuild('marked', { eventsPerSecond: 1_000_000 });
    for (let i = 0; i < 10; i++) await record();
    await second.filled('marked', 2);

    const { different } = await holding(
      () => second.verify('marked'),
      () => reader!.answers(10),
    );
    expect(different).toBe(2 * ACCOUNTS);
    await holding(
      () => second.swap('marked'),
      async () => {
        await reader!.answers(10);
        // What is not committed is seen by nobody.
        expect([...reader!.seen]).toEqual([1]);
      },
    );
    await eventually(() => reader!.seen.has(2));
    await holding(
      () => second.rollback('marked'),
      () => reader!.answers(10),
    );
    await reader.answers(40, () => second.rollback('marked'));

    const { asked, seconds } = await reader.stop();
    process.stdout.write(`${asked} questions in ${seconds.toFixed(1)} s\n`);
    expect(reader.failures).toEqual([]);
    expect(asked).toBe(Math.floor((seconds * 1_000) / EVERY_MS) + 1);
    expect([...reader.seen].sort()).toEqual([1, 2]);
  });

  it.each<[string, (documents: Documents<unknown>) => Promise<unknown>, unknown]>([
    ['get', (it) => it.get('account-100'), { version: 1, sum: 3 }],
    ['find', async (it) => (await it.find({ limit: 1_000 })).documents.length, ACCOUNTS],
    ['count', (it) => it.count(), ACCOUNTS],
  ])(
    '%s, while the generation that it asks is swapped and dropped, is of that one',
    async (_what, ask, found) => {
      await record();
      const first = projecting(1);
      await first.start();
      await first.caughtUp('marked', 2 * ACCOUNTS, IN_TIME);
      const second = projecting(2);
      await second.fill('marked');
      let times = 0;
      const state = interrupted(opened.state, async () => {
        if (times++ > 0) return;
        await second.swap('marked');
        await second.drop('marked', { generation: 1 });
      });
      const documents = projecting(1, { ...opened, state }).named('marked');
      expect(await ask(documents)).toEqual(found);
      expect(times).toBe(1);
      expect(await documents.count()).toBe(2 * ACCOUNTS);
    },
  );
}

/** A state store of which somebody does something each time what there is of a projection was read, before the view goes on. */
function interrupted(store: StateStore, meanwhile: () => Promise<void>): StateStore {
  return Object.assign(Object.create(store) as StateStore, {
    read: <T>(work: (view: StateView) => Promise<T>) =>
      store.read((view) => {
        const get = async (collection: string, key: string) => {
          const found = await view.get(collection, key);
          if (collection === 'backstory.projections') await meanwhile();
          return found;
        };
        return work(Object.assign(Object.create(view) as StateView, { get }));
      }),
  });
}

/** A state store of which views and transactions can be held open: views before anything is read, transactions before they are committed. */
function holdable(store: StateStore) {
  let held: (() => Promise<void>) | undefined;
  let times = 0;
  const hold = async () => {
    if (!held) return;
    await held();
    times++;
  };
  const state: StateStore = Object.assign(Object.create(store) as StateStore, {
    read: <T>(work: (view: StateView) => Promise<T>) =>
      store.read(async (view) => {
        await hold();
        return work(view);
      }),
    transaction: <T>(fences: readonly Fence[], work: (tx: StateTransaction) => Promise<T>) =>
      store.transaction(fences, async (tx) => {
        const done = await work(tx);
        // Those that feed go on.
        if (fences.length === 0) await hold();
        return done;
      }),
  });
  /** Does something, each view and transaction of which is held open until something else is done. */
  const holding = async <T>(work: () => Promise<T>, until: () => Promise<void>): Promise<T> => {
    [held, times] = [until, 0];
    const done = await work().finally(() => (held = undefined));
    expect(times).toBeGreaterThan(0);
    return done;
  };
  return { state, holding };
}

/**
 * Asks a hundred times a second by the clock, in every way that there is in turn, whether what it has asked before is answered or
 * not. Where a machine cannot keep up, what is due is asked later: what waits for an answer must not fill the memory.
 */
class PacedReader {
  /** Generations that were read. */
  readonly seen = new Set<number>();
  private asked = 0;
  /** Of each answer, which question it was to. */
  private readonly answered: { readonly way: number; readonly nth: number }[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private readonly began = performance.now();
  private readonly stopping = new AbortController();
  private readonly asking: Promise<void>;
  readonly failures: unknown[] = [];
  private stopped: Promise<{ readonly asked: number; readonly seconds: number }> | undefined;
  private last: { readonly next: string | undefined; readonly generation: number } | undefined;
  private readonly ways = [() => this.get(), () => this.find(), () => this.count()];

  constructor(private readonly documents: Documents<unknown>) {
    this.asking = this.ask();
  }

  /** Resolves when so many questions of each kind, asked from now on, are answered; until then something is done over and over. */
  async answers(ofEach: number, meanwhile?: () => Promise<unknown>): Promise<void> {
    const from = this.asked;
    const isEnough = () => {
      const since = this.answered.filter(({ nth }) => nth >= from);
      return this.ways.every((_, way) => since.filter((it) => it.way === way).length >= ofEach);
    };
    while (!isEnough() && this.failures.length === 0) {
      await meanwhile?.();
      await wait(5);
    }
    expect(this.failures).toEqual([]);
  }

  /** Ends when all that it has asked is answered. */
  stop(): Promise<{ readonly asked: number; readonly seconds: number }> {
    return (this.stopped ??= this.finish());
  }

  private async finish() {
    this.stopping.abort();
    await this.asking;
    const seconds = (performance.now() - this.began) / 1_000;
    while (this.isDue(seconds * 1_000)) {
      this.askWhatIsDue(seconds * 1_000);
      await Promise.all(this.underWay);
    }
    await Promise.all(this.underWay);
    return { asked: this.asked, seconds };
  }

  private async ask(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.askWhatIsDue(performance.now() - this.began);
      await wait(EVERY_MS / 2);
    }
  }

  private isDue(ms: number): boolean {
    return this.asked * EVERY_MS <= ms;
  }

  private askWhatIsDue(ms: number): void {
    while (this.isDue(ms) && this.underWay.size < AT_ONCE) {
      const nth = this.asked++;
      const way = nth % this.ways.length;
      const question = this.ways[way]!().then(
        () => void this.answered.push({ way, nth }),
        (error: unknown) => void this.failures.push(error),
      );
      this.underWay.add(question);
      void question.finally(() => this.underWay.delete(question));
    }
  }

  private async get(): Promise<void> {
    const key = `account-${100 + (this.asked % ACCOUNTS)}`;
    const found = await this.documents.getMany([key, `${key} again`]);
    const versions = [...found.values()].map((it) => (it as { version: number }).version);
    expect(VERSIONS).toContainEqual(versions);
    expect(await this.documents.get(key)).toMatchObject({ version: expect.any(Number) });
  }

  private async count(): Promise<void> {
    expect([ACCOUNTS, 2 * ACCOUNTS]).toContain(await this.documents.count());
  }

  /** One page: the next one is of the same generation, whichever is read by then. */
  private async find(): Promise<void> {
    const { next, generation } = this.last ?? {};
    const after = next !== undefined && { after: next };
    const page = await this.documents.find({ orderBy: 'sum', limit: 20, ...after });
    const versions = page.documents.map(({ document }) => (document as { version: number }).version);
    expect(versions).toEqual(Array.from({ length: 20 }, () => page.generation));
    if (after) expect(page.generation).toBe(generation);
    this.last = { next: page.next, generation: page.generation };
    this.seen.add(page.generation);
  }
}

const EVERY_MS = 10;
const AT_ONCE = 100;
/** Of the one document of the first version, and of the two of the second. */
const VERSIONS = [[1], [2, 2]];
