import { defineBackstory, memory } from 'backstory';
import { Account } from './backstory.config';
import bank, { Balances } from './balances';

const define = () =>
  defineBackstory({ name: 'bank', store: memory(), aggregates: [Account], projections: bank.projections });

test('the richest accounts are found without loading any, and agree with the accounts', async () => {
  await define().run(async (app) => {
    const accounts = app.repository(Account);
    for (let n = 1; n <= 12; n++)
      await accounts.update(String(n), (account) => account.deposit(n * 10), { create: true });
    await accounts.update('12', (account) => account.withdraw(115));
    await app.caughtUp(Balances, (await app.events.identity()).head);
    const { documents } = await app
      .projection(Balances)
      .find({ where: { balance: { '>=': 90 } }, orderBy: { path: 'balance', descending: true } });
    expect(documents.map(({ key, document }) => [key, document.balance])).toEqual([
      ['account-11', 110],
      ['account-10', 100],
      ['account-9', 90],
    ]);
    const twelfth = await app.projection(Balances).get('account-12');
    expect(twelfth).toEqual({ balance: (await accounts.load('12')).balance, movements: 2 });
  });
});

test('a process that only records leaves the projection to others', async () => {
  await define().run(async (app) => expect(await app.projections.list()).toEqual([]), {
    projections: false,
  });
});
