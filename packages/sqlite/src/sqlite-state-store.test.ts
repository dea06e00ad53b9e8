import { eventually } from '../../../test/support/eventually.js';
import { anEvent, eventsOf, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { availableDrivers } from './choose-driver.js';
import { SqliteFile } from './sqlite-file.js';
import { sqlite, type SqliteOptions } from './sqlite.js';

const files = sqliteFiles();

describe.each(availableDrivers())('with %s', (driver) => {
  const open = (options: SqliteOptions = {}) =>
    files.opened(sqlite(files.newFile(), { driver, ...options }).open());

  it('an append inside a transaction, which would wait for itself, is refused; outside it goes through', async () => {
    const { events, state } = await open();
    const inside = { code: 'BACKSTORY_INSIDE_TRANSACTION' };
    await state.transaction([], async (tx) => {
      await Promise.resolve();
      await expect(record(events, 'a-1', anEvent())).rejects.toMatchObject({
        ...inside,
        operation: 'append',
      });
      await expect(state.transaction([], async () => 1)).rejects.toMatchObject(inside);
      await expect(state.acquire('l', { owner: 'me', ttlMs: 1 })).rejects.toMatchObject(inside);
      await expect(events.adopt()).rejects.toMatchObject(inside);
      await expect(events.restore([])).rejects.toMatchObject(inside);
      expect(await eventsOf(events)).toEqual([]); // reading is no waiting
      await tx.put('c', 'k', 'v');
    });
    expect(await record(events, 'a-1', anEvent())).toMatchObject({ position: 1 });
  });

  it('a transaction that is over keeps no process', async () => {
    const set = jest.spyOn(globalThis, 'setTimeout');
    const cleared = jest.spyOn(globalThis, 'clearTimeout');
    try {
      const { state } = await open({ transactionTimeoutMs: 1_000_000 });
      await state.transaction([], async () => undefined);
      await state.transaction([], () => Promise.reject(new Error('no'))).catch(() => undefined);
      const isOwn = ([, ms]: readonly unknown[]) => ms === 1_000_000;
      const own = set.mock.calls.flatMap((call, i) =>
        isOwn(call) ? [set.mock.results[i]!.value as unknown] : [],
      );
      expect(own).toHaveLength(2);
      expect(cleared.mock.calls.map(([timer]) => timer as unknown)).toEqual(expect.arrayContaining(own));
    } finally {
      set.mockRestore();
      cleared.mockRestore();
    }
  });

  it('leases are renewed before whatever else waits for a transaction to end', async () => {
    const { state } = await open();
    const lease = (await state.acquire('l', { owner: 'me', ttlMs: 60_000 }))!;
    const isRenewed = async () => (await state.leases('l'))[0]!.expiresAt > lease.expiresAt;
    await eventually(() => Date.now() > lease.expiresAt.getTime() - 60_000);
    const seen: boolean[] = [];
    let end: () => void = () => undefined;
    const held = state.transaction([], () => new Promise<void>((resolve) => (end = resolve)));
    const waiting = state.transaction([], async () => void seen.push(await isRenewed()));
    const renewed = state.renew([lease]);
    await state.read(async () => end());
    await Promise.all([held, waiting, renewed]);
    expect(seen).toEqual([true]);
  });

  it('an append of somebody else waits until the transaction is over', async () => {
    const { events, state } = await open();
    const order: string[] = [];
    const begun = new Promise<void>((begin) => {
      void state.transaction([], async () => {
        begin();
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push('transaction');
      });
    });
    await begun;
    await record(events, 'a-1', anEvent());
    order.push('append');
    expect(order).toEqual(['transaction', 'append']);
  });

  it('what a transaction began may append once the transaction is over', async () => {
    const { events, state } = await open();
    let over = (): void => undefined;
    const isOver = new Promise<void>((resolve) => (over = resolve));
    const { later } = await state.transaction([], async () => ({
      later: isOver.then(() => record(events, 'a-1', anEvent())),
    }));
    over();
    expect(await later).toMatchObject({ position: 1 });
  });

  it('work that does not end is rolled back, and what it does afterwards touches nothing', async () => {
    const { events, state } = await open({ transactionTimeoutMs: 30 });
    let late: Promise<void> = Promise.resolve();
    let go = (): void => undefined;
    const stalled = new Promise<void>((resolve) => (go = resolve));
    const transaction = state.transaction([], async (tx) => {
      await tx.put('c', 'k', 'early');
      late = stalled.then(() => tx.put('c', 'k', 'late'));
      await late;
    });
    await expect(transaction).rejects.toMatchObject({
      code: 'BACKSTORY_TRANSACTION_TIMED_OUT',
      timeoutMs: 30,
    });
    const other = state.transaction([], async (tx) => {
      go();
      await expect(late).rejects.toMatchObject({ code: 'BACKSTORY_STORE_CLOSED' });
      await tx.put('c', 'other', 'v');
    });
    await other;
    expect(await state.read((view) => view.list('c'))).toEqual([{ key: 'other', value: 'v' }]);
    await record(events, 'a-1', anEvent());
  });

  it('reads side by side each see one moment, also while others write', async () => {
    const { state } = await open();
    const write = (value: string) => state.transaction([], (tx) => tx.put('c', 'k', value));
    await write('1');
    const seen = await state.read(async (first) => {
      const before = await first.get('c', 'k');
      await write('2');
      const second = await state.read((view) => view.get('c', 'k'));
      return [before, await first.get('c', 'k'), second];
    });
    expect(seen).toEqual(['1', '1', '2']);
    expect(
      await Promise.all(Array.from({ length: 10 }, () => state.read((view) => view.get('c', 'k')))),
    ).toEqual(Array.from({ length: 10 }, () => '2'));
  });

  it('an owner that was overtaken by another process writes nothing', async () => {
    const file = files.newFile();
    let now = 1_000;
    const options = { driver, now: () => now };
    const first = await files.opened(sqlite(file, options).open());
    const second = await files.opened(sqlite(file, options).open());
    const stale = (await first.state.acquire('shard', { owner: 'first', ttlMs: 10 }))!;
    now += 11;
    const fresh = (await second.state.acquire('shard', { owner: 'second', ttlMs: 10 }))!;
    expect(fresh.token).toBeGreaterThan(stale.token);
    const late = first.state.transaction([stale], (tx) => tx.put('c', 'k', 'stale'));
    await expect(late).rejects.toMatchObject({ code: 'BACKSTORY_FENCE_LOST' });
    await second.state.transaction([fresh], (tx) => tx.put('c', 'k', 'fresh'));
    expect(await first.state.read((view) => view.get('c', 'k'))).toBe('fresh');
    expect(await first.state.renew([stale])).toEqual([]);
    await second.state.release(fresh);
    expect((await first.state.acquire('shard', { owner: 'first', ttlMs: 10 }))!.token).toBe(fresh.token + 1);
  });

  it('leases that are taken in one moment are written in one transaction, and after one that failed in the next', async () => {
    const file = files.newFile();
    const one = await files.opened(sqlite(file, { driver, lockTimeoutMs: 20 }).open());
    const other = await files.opened(sqlite(file, { driver }).open());
    const take = () =>
      Promise.all(['a', 'b', 'c'].map((name) => one.state.acquire(name, { owner: 'me', ttlMs: 60_000 })));
    let go = (): void => undefined;
    const locked = new Promise<void>((resolve) => (go = resolve));
    let begun = (): void => undefined;
    const isLocked = new Promise<void>((resolve) => (begun = resolve));
    const lock = other.state.transaction([], async (tx) => {
      await tx.put('c', 'k', 'v');
      begun();
      await locked;
    });
    await isLocked;
    await expect(take()).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNAVAILABLE' });
    go();
    await lock;
    const write = jest.spyOn(SqliteFile.prototype, 'write');
    try {
      expect((await take()).map((lease) => lease?.name)).toEqual(['a', 'b', 'c']);
      expect(write).toHaveBeenCalledTimes(1);
    } finally {
      write.mockRestore();
    }
  });
});
