import { postgres } from '@backstory/postgres';
import { defineBackstory } from 'backstory';
import { Account } from '../../examples/bank/backstory.config';
import { startPostgres, type PostgresServer } from '../support/postgres-server';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server?.stop());

// The code of packages/postgres/README.md.
test('an application keeps its log in PostgreSQL', async () => {
  const url = await server.createDatabase();
  const deposit = async () => {
    const store = postgres(url, { schema: 'ledger', maxConnections: 20 });
    const bank = defineBackstory({ name: 'bank', store, aggregates: [Account] });
    return bank.run(async (app) => {
      const accounts = app.repository(Account);
      await accounts.update('42', (account) => account.deposit(100), { create: true });
      return (await accounts.load('42')).balance;
    });
  };
  expect(await deposit()).toBe(100);
  expect(await deposit()).toBe(200);
});
