import type { OpenStorage, Storage } from '@backstory/core';
import type { Projections } from '@backstory/projection';
import { Deposited, Withdrawn, recording } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { Balances, projectionsOn, totals } from './support/projecting.js';
import { IN_TIME } from './support/eventually.js';

const sums = totals();

describeEachStorage(documentsAre);

function documentsAre(stores: TestStorage): void {
  let storage: Storage;
  let opened: OpenStorage;
  let record: ReturnType<typeof recording>;
  const running: Projections[] = [];
  const run = (...args: Parameters<typeof projectionsOn>) => {
    const projections = projectionsOn(...args);
    running.push(projections);
    return projections;
  };
  const head = async () => (await opened.events.identity()).head;
  beforeEach(async () => {
    storage = await stores.storage();
    opened = await stores.opened(storage);
    record = recording(opened.events);
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });

  it('documents are folded by key, before and after it starts, and a deleted one begins anew', async () => {
    await record('1', new Deposited(5), new Deposited(7));
    await record('2', new Deposited(1), new Withdrawn(1));
    const projections = run(opened, [Balances, sums]);
    await projections.start();
    await projections.caughtUp(Balances, await head(), IN_TIME);
    const balances = projections.of(Balances);
    expect(await balances.get('account-1')).toEqual({ balance: 12, deposits: 2, kind: 'known' });
    expect(await balances.get('account-1')).toBeInstanceOf(Balances);
    expect(await balances.get('account-2')).toBeUndefined();
    expect(await balances.count()).toBe(1);
    await record('2', new Deposited(3));
    await projections.caughtUp(Balances, await head(), IN_TIME);
    expect(await balances.get('account-2')).toEqual({ balance: 3, deposits: 1, kind: 'new' });
  });

  it('an event may change several documents, and its key be a function of it', async () => {
    await record('17', new Deposited(5));
    await record('12', new Deposited(6));
    await record('21', new Deposited(7), new Withdrawn(2));
    const projections = run(opened, [sums]);
    await projections.start();
    await projections.caughtUp('totals', await head(), IN_TIME);
    const found = await projections.of(sums).getMany(['group-1', 'group-2', 'group-3', 'all']);
    expect([...found]).toEqual(
      expect.arrayContaining([
        ['group-1', { sum: 11, events: 2 }],
        ['group-2', { sum: 5, events: 2 }],
        ['all', { sum: 16, events: 4 }],
      ]),
    );
    expect(found.size).toBe(3);
  });

  it('documents are found and ordered by what is in them, in pages', async () => {
    for (let n = 1; n <= 25; n++) await record(String(n), new Deposited((n * 7) % 25));
    await record('3', new Deposited(100));
    const projections = run(opened, [Balances]);
    await projections.start();
    await projections.caughtUp(Balances, await head(), IN_TIME);
    const balances = projections.of(Balances);
    const seen: number[] = [];
    let after: string | undefined;
    do {
      const page = await balances.find({
        orderBy: 'balance',
        limit: 7,
        ...(after !== undefined && { after }),
      });
      seen.push(...page.documents.map(({ document }) => document.balance));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen).toHaveLength(25);
    const descending = await balances.find({ orderBy: { path: 'balance', descending: true }, limit: 3 });
    expect(descending.documents.map(({ document }) => document.balance)).toEqual(seen.slice(-3).reverse());
    const second = await balances.find({
      orderBy: { path: 'balance', descending: true },
      limit: 30,
      after: descending.next!,
    });
    expect(second.documents.map(({ document }) => document.balance)).toEqual(seen.slice(0, -3).reverse());
    const some = await balances.find({ where: { balance: { '>=': 5, '<': 9 }, kind: 'new' } });
    expect(some.documents.map(({ document }) => document.balance).sort()).toEqual([5, 6, 7, 8]);
    const known = await balances.find({ where: { kind: 'known' } });
    expect(known.documents.map(({ key }) => key)).toEqual(['account-3']);
    const first = await balances.find({ where: { deposits: 1 }, orderBy: 'balance', limit: 2 });
    expect(first.documents.map(({ document }) => document.balance)).toEqual(seen.slice(0, 2));
    const more = await balances.find({ where: { deposits: 1 }, orderBy: 'balance', after: first.next! });
    expect(more.documents.map(({ document }) => document.balance)).toEqual(
      seen.slice(2).filter((it) => it < 100),
    );
    expect(more.next).toBeUndefined();
    await expect(balances.find({ where: { deposits: 1 } })).rejects.toThrow(/no index on deposits/);
    expect((await balances.find({ where: { deposits: 2 }, scan: true })).documents).toHaveLength(1);
    for (const nothing of [{}, new Date()])
      await expect(balances.find({ where: { balance: nothing } })).rejects.toThrow(
        /where\.balance: has no bounds/,
      );
  });

  it('what an index led to before a document changed or went, it leads to no more', async () => {
    const projections = run(opened, [Balances]);
    await projections.start();
    const balances = projections.of(Balances);
    const found = async () => {
      await projections.caughtUp(Balances, await head(), IN_TIME);
      const { documents } = await balances.find({ orderBy: 'balance' });
      return documents.map(({ key, document }) => `${key} ${document.balance}`);
    };
    await record('1', new Deposited(5));
    await record('2', new Deposited(6));
    expect(await found()).toEqual(['account-1 5', 'account-2 6']);
    await record('1', new Deposited(5));
    expect(await found()).toEqual(['account-2 6', 'account-1 10']);
    await record('2', new Withdrawn(6));
    expect(await found()).toEqual(['account-1 10']);
  });

  it('its status counts the documents that there are, also where some went, in one batch or in another process', async () => {
    for (const name of ['1', '2', '3']) await record(name, new Deposited(5));
    await record('4', new Deposited(5), new Withdrawn(5));
    for (const [emptied, left] of [
      ['1', 2],
      ['2', 1],
      ['3', 0],
    ] as const) {
      const projections = run(opened, [Balances]);
      await projections.start();
      await projections.caughtUp(Balances, await head(), IN_TIME);
      const counted = async () => (await projections.status('balances')).generations[0]!.documents;
      expect(await counted()).toBe(left + 1);
      await record(emptied, new Withdrawn(5));
      await projections.caughtUp(Balances, await head(), IN_TIME);
      expect(await counted()).toBe(left);
      expect(await projections.of(Balances).count()).toBe(left);
      await projections.close();
    }
  });

  it('another process reads what one has folded, and goes on when that one ends', async () => {
    await record('1', new Deposited(5));
    const first = run(opened, [Balances]);
    await first.start();
    const second = run(await stores.opened(storage), [Balances], { leaseMs: 600 });
    await second.start();
    await second.caughtUp(Balances, await head(), IN_TIME);
    expect(await second.of(Balances).get('account-1')).toMatchObject({ balance: 5 });
    await first.close();
    await record('1', new Deposited(6));
    await second.caughtUp(Balances, await head(), IN_TIME);
    expect(await second.of(Balances).get('account-1')).toMatchObject({ balance: 11 });
  });
}
