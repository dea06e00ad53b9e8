import { Recorder, memory } from '@backstory/core';
import { AggregateNotFound, Repository } from '@backstory/repository';
import { Account } from '../../examples/bank/backstory.config';

// The code of packages/repository/README.md.
test('aggregates are loaded as they are and as they were, and saved', async () => {
  const { events: store, close } = await memory().open();
  const recorder = new Recorder(store, { source: 'bank' });
  const accounts = new Repository(Account, { store, recorder });

  await accounts.update('42', (account) => account.deposit(100), { create: true });
  await accounts.update('42', (account) => account.withdraw(30), { commandId: 'atm-1', attempts: 3 });

  const account = await accounts.load('42');
  account.deposit(5);
  const { version, position } = await accounts.save(account);
  const before = await accounts.load('42', { atVersion: 1 });

  expect([version, position, account.balance, before.balance]).toEqual([3, 3, 75, 100]);
  await expect(accounts.load('7')).rejects.toThrow(AggregateNotFound);
  await close();
});
