import type { OpenStorage, Storage } from '@backstory/core';
import type { Projections } from '@backstory/projection';
import { WindowsReader, reducer, session, sliding, tumbling, windows } from '@backstory/projection/streams';
import { Deposited, Withdrawn } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { projectionsOn } from './support/projecting.js';
import { seededRandom } from './support/seeded-random.js';
import { allWindows, freshly, recordingAt, windowsOf } from './support/windowed.js';
import { IN_TIME } from './support/eventually.js';

const seed = Number(process.env['BACKSTORY_TEST_SEED'] ?? Date.now() % 1_000_000);

describeEachStorage(windowsAre);

function windowsAre(stores: TestStorage): void {
  let storage: Storage;
  let opened: OpenStorage;
  let record: ReturnType<typeof recordingAt>;
  const running: Projections[] = [];
  const run = async (sources: readonly ReturnType<typeof windowsOf>[] = allWindows) => {
    const projections = projectionsOn(opened, sources, { leaseMs: 2_000 });
    running.push(projections);
    await projections.start();
    return projections;
  };
  const head = async () => (await opened.events.identity()).head;
  const reader = (projections: Projections, source: ReturnType<typeof windowsOf>) =>
    new WindowsReader(source, projections.of(source));
  const KEYS = ['account-1', 'account-2', 'account-3', 'all'];
  beforeEach(async () => {
    storage = await stores.storage();
    opened = await stores.opened(storage);
    record = recordingAt(opened.events);
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });

  /** Mostly forward in time, sometimes late; some without a value. */
  async function happen(random: () => number, times: number, from = 0): Promise<number> {
    let at = from;
    for (let i = 0; i < times; i++) {
      at += Math.floor(random() * 25);
      const late = random() < 0.2 ? Math.floor(random() * 150) : 0;
      const amount = 1 + Math.floor(random() * 9);
      const event = random() < 0.8 ? new Deposited(amount) : new Withdrawn(amount);
      await record(1 + Math.floor(random() * 3), Math.max(0, at - late), event);
    }
    return at;
  }

  it(`are what a fold of the log gives, through restarts, live, as of any position and rebuilt (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    let at = 0;
    // Ended and started again and again, from what is stored.
    for (let round = 0; round < 8; round++) {
      at = await happen(random, 1 + Math.floor(random() * 20), at);
      const projections = await run();
      for (const { name } of allWindows) await projections.caughtUp(name, await head(), IN_TIME);
      await projections.close();
    }
    const projections = await run();
    await happen(random, 20, at);
    for (const source of allWindows) {
      const { name } = source;
      await projections.caughtUp(name, await head(), IN_TIME);
      const found = reader(projections, source);
      for (const key of KEYS) {
        const { open, closed, current } = await freshly(opened.events, source, { key });
        expect({ name, key, open: await found.open(key) }).toEqual({ name, key, open });
        expect(await found.closed(key)).toEqual(closed);
        expect(await found.current(key)).toEqual(current);
        const upTo = Math.floor(random() * ((await head()) + 1));
        const then = await freshly(opened.events, source, { key, upTo });
        expect(await found.asOf(upTo).open(key)).toEqual(then.open);
        expect(await found.asOf(upTo).current(key)).toEqual(then.current);
        expect(await found.closed(key, { upTo })).toEqual(then.closed);
      }
      await projections.fill(name);
      const { isEqual, documents, live, other } = await projections.verify(name);
      expect({ isEqual, documents, hash: live.hash }).toEqual({
        isEqual: true,
        documents: 4,
        hash: other.hash,
      });
    }
  });

  it('what an event has closed is known as soon as the projection has it, in every document, and asked again the same', async () => {
    const source = windowsOf('days', tumbling({ sizeMs: 100 }));
    const projections = await run([source]);
    const days = reader(projections, source);
    const recordedOf = async (position: number) => {
      for await (const page of opened.events.readAll({ after: position - 1, limit: 1 }))
        return { ...page.events[0]!, data: {}, metadata: {} } as never;
      throw new Error('no such event');
    };
    await record(1, 10, new Deposited(5));
    const { position: second } = await record(2, 250, new Deposited(7));
    const { position: third } = await record(1, 320, new Withdrawn(1));
    expect(await days.closedBy(await recordedOf(1))).toEqual([]);
    const closed = await days.closedBy(await recordedOf(second));
    expect(closed).toMatchObject([
      { key: 'all', position: second, result: { number: 1, values: { sum: 5 } } },
    ]);
    const later = await days.closedBy(await recordedOf(third));
    expect(later.map(({ key, result }) => [key, result.number, result.values.sum])).toEqual([
      ['account-1', 1, 5],
      ['all', 2, 7],
    ]);
    expect(await days.closedBy(await recordedOf(second))).toEqual(closed);
    expect((await days.closed('all', { backwards: true, limit: 1 }))[0]!.result.number).toBe(2);
    expect((await days.closed('all', { after: second })).map(({ position }) => position)).toEqual([third]);
    expect(await days.closed('account-2')).toEqual([]);
    expect(await days.current('account-1')).toBeUndefined();
    expect(await days.current('nobody')).toBeUndefined();
    expect(await days.current('account-2')).toMatchObject({ events: 1, values: { count: 1, sum: 7 } });
  });

  it('a reducer of your own holds what you say, through a restart and where one session grows out of two', async () => {
    const source = windows('order', {
      version: 1,
      events: { Deposited },
      value: { Deposited: ({ amount }) => amount },
      shape: session({ gapMs: 20, latenessMs: 100 }),
    }).reduce({
      all: reducer<number, number[], string>({
        initial: [],
        add: (held, value) => [...held, value],
        merge: (earlier, later) => [...earlier, 0, ...later],
        result: (held) => held.join(' '),
      }),
    });
    const projecting = async () => {
      const projections = projectionsOn(opened, [source]);
      running.push(projections);
      await projections.start();
      await projections.caughtUp('order', await head(), IN_TIME);
      return projections;
    };
    const values = async (projections: Projections) =>
      (await new WindowsReader(source, projections.of(source)).open('account-1')).map((it) => it.values.all);
    for (const [at, amount] of [
      [0, 1],
      [5, 2],
      [35, 3],
    ] as const)
      await record(1, at, new Deposited(amount));
    const first = await projecting();
    expect(await values(first)).toEqual(['1 2', '3']);
    await first.close();
    await record(1, 20, new Deposited(4));
    expect(await values(await projecting())).toEqual(['1 2 0 3 4']);
  });

  it('a result is written once, with the batch of its event, and never again', async () => {
    const source = windowsOf('days', tumbling({ sizeMs: 100 }));
    const projections = await run([source]);
    const closed = async () => {
      await projections.caughtUp('days', await head(), IN_TIME);
      return (await reader(projections, source).closed('all')).map(({ result }) => result.number);
    };
    for (const at of [10, 150]) await record(1, at, new Deposited(at));
    expect(await closed()).toEqual([1]);
    await opened.state.transaction([], (tx) => tx.clear('backstory.projections/days/1/results'));
    await record(1, 250, new Deposited(1));
    expect(await closed()).toEqual([2]);
  });

  it('verify finds a window that was closed with something else in it, and a dropped generation takes its results along', async () => {
    const projections = await run([windowsOf('days', tumbling({ sizeMs: 100 }))]);
    for (const at of [10, 150, 290]) await record(1, at, new Deposited(at));
    await projections.caughtUp('days', await head(), IN_TIME);
    await projections.close();
    const source = windowsOf('days', sliding({ sizeMs: 100, everyMs: 50 }), 2);
    const changed = await run([source]);
    await changed.fill('days');
    const { isEqual, differences } = await changed.verify('days', { limit: 100 });
    expect(isEqual).toBe(false);
    expect(differences.map(({ key }) => key)).toContain('account-1, result 1 of position 2');
    const results = (generation: number) =>
      opened.state.read((view) => view.count(`backstory.projections/days/${generation}/results`));
    expect([await results(1), (await results(2)) > 4]).toEqual([4, true]);
    await changed.drop('days', { generation: 2 });
    expect([await results(1), await results(2)]).toEqual([4, 0]);
  });
}
