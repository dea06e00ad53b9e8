import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { postgres } from './postgres.js';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterEach(() => jest.restoreAllMocks());
afterAll(() => server.stop());

it('statements that come at once in a transaction or a read go one after another: the driver is to refuse a second one', async () => {
  const { state, close } = await postgres(await server.createDatabase()).open();
  const underWay = new Map<unknown, number>();
  let most = 0;
  const real = Client.prototype.query as (...given: unknown[]) => Promise<unknown>;
  const query: unknown = async function (this: Client, ...given: unknown[]) {
    const now = (underWay.get(this) ?? 0) + 1;
    underWay.set(this, now);
    most = Math.max(most, now);
    try {
      return await real.apply(this, given);
    } finally {
      underWay.set(this, underWay.get(this)! - 1);
    }
  };
  jest.spyOn(Client.prototype, 'query').mockImplementation(query as () => never);
  const numbers = [1, 2, 3, 4, 5];
  const one = (n: number) => ({ texts: ['select ', '::int as n'], values: [n] });
  try {
    const written = await state.transaction([], async (tx) => {
      const rows = await Promise.all(numbers.map((n) => tx.sql!.run(one(n))));
      await Promise.all(numbers.map((n) => tx.put('c', `k${n}`, String(n))));
      return rows.flat();
    });
    const read = await state.read((view) => Promise.all(numbers.map((n) => view.get('c', `k${n}`))));
    expect([written, read]).toEqual([numbers.map((n) => ({ n })), numbers.map(String)]);
    expect(most).toBe(1);
  } finally {
    await close();
  }
});
