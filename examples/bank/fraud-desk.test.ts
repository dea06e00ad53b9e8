import { defineBackstory, memory } from 'backstory';
import { eventually } from '../../test/support/eventually';
import { Account } from './backstory.config';
import bank, { FraudDesk } from './fraud-desk';

const define = () => {
  const subscribers = [...bank.subscribers];
  return defineBackstory({ name: 'bank', store: memory(), aggregates: [Account], subscribers });
};

test('a large withdrawal that leaves nearly nothing becomes a case, others do not', async () => {
  await define().run(async (app) => {
    const accounts = app.repository(Account);
    await accounts.update('1', (account) => account.deposit(5_000), { create: true });
    await accounts.update('1', (account) => account.withdraw(1_000));
    await accounts.update('1', (account) => account.withdraw(3_990));
    await accounts.update('2', (account) => account.deposit(20), { create: true });
    await accounts.update('2', (account) => account.withdraw(20));
    const cases = await eventually(async () => {
      const found = await app.state.read((view) => view.list('fraud.cases'));
      return found.length > 0 && found;
    });
    expect(cases.map(({ value }) => value)).toEqual(['1: 3990, 10 left']);
    await eventually(async () => (await app.subscriptions.status('fraud')).lag.seconds === 0);
    expect(await app.state.read((view) => view.count('fraud.cases'))).toBe(1);
  });
});

test('a process that only records leaves the subscription to others', async () => {
  await define().run(async (app) => expect(await app.subscriptions.list()).toEqual([]), {
    subscriptions: false,
  });
});

test('a subscriber is an instance, a class, functions, or made from the app; anything else is refused', async () => {
  const start = async (given: unknown) =>
    defineBackstory({
      name: 'bank',
      store: memory(),
      aggregates: [Account],
      subscribers: given as [],
    }).start();
  await expect(start([class Nobody {}])).rejects.toThrow(/Nobody is no subscriber/);
  await expect(start([() => ({})])).rejects.toThrow(/is no subscriber/);
  await expect(start([undefined])).rejects.toThrow(/subscribers\[0\], which is undefined/);
  await expect(start(FraudDesk)).rejects.toThrow(/needs a list of subscribers/);
});
