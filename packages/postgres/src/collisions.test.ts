import { StoreUnavailable, type OpenStorage } from '@backstory/core';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { postgres } from './postgres.js';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server.stop());

const opened: OpenStorage[] = [];
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
});

it('a transaction that others are in the way of again and again runs until it is its turn', async () => {
  const url = await server.createDatabase();
  const [own, other] = [await postgres(url).open(), await postgres(url).open()];
  opened.push(own, other);
  let runs = 0;
  await own.state.transaction([], async (tx) => {
    const before = (await tx.get('counts', 'a')) ?? '0';
    if (++runs <= 25)
      await other.state.transaction([], async (it) =>
        it.put('counts', 'a', String(Number((await it.get('counts', 'a')) ?? 0) + 1)),
      );
    await tx.put('counts', 'a', String(Number(before) + 1));
  });
  expect(runs).toBe(26);
  expect(await own.state.read((view) => view.get('counts', 'a'))).toBe('26');
});

it('what its work throws without a cause is thrown as it is, and the work not done again', async () => {
  const storage = await postgres(await server.createDatabase()).open();
  opened.push(storage);
  const outage = new StoreUnavailable('another store', 'no answer');
  let runs = 0;
  const failed = storage.state.transaction([], () => {
    runs++;
    return Promise.reject(outage);
  });
  await expect(failed).rejects.toBe(outage);
  expect(runs).toBe(1);
});
