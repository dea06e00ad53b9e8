import { MemoryEventStore } from '@backstory/core/store';
import { Recorder, VersionConflict } from '@backstory/core';
import { Aggregate, EventSourcedAggregate } from '@backstory/aggregate';
import { DomainEvent, EventHandler } from '@backstory/events';
import { Repository } from './repository.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}
@DomainEvent('account.withdrawn')
class Withdrawn {
  constructor(readonly amount: number) {}
}
class InsufficientFunds extends Error {}

@Aggregate('account')
class Account extends EventSourcedAggregate {
  balance = 0;
  deposit(amount: number): void {
    this.raise(new Deposited(amount));
  }
  withdraw(amount: number): number {
    if (amount > this.balance) throw new InsufficientFunds();
    this.raise(new Withdrawn(amount));
    return this.balance;
  }
  @EventHandler(Deposited) protected deposited(event: Deposited): void {
    this.balance += event.amount;
  }
  @EventHandler(Withdrawn) protected withdrawn(event: Withdrawn): void {
    this.balance -= event.amount;
  }
}

function bank() {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, { source: 'bank' });
  return { store, recorder, accounts: new Repository(Account, { store, recorder }) };
}

it('what is saved is loaded again, and as it was', async () => {
  const { accounts } = bank();
  await accounts.update('42', (account) => account.deposit(100), { create: true });
  const { value, version } = await accounts.update('42', (account) => account.withdraw(30));
  expect({ value, version }).toEqual({ value: 70, version: 2 });
  expect(await accounts.load('42')).toMatchObject({ id: '42', version: 2, balance: 70 });
  expect(await accounts.load('42', { atVersion: 1 })).toMatchObject({ version: 1, balance: 100 });
});

it('a new aggregate whose id is taken is a conflict', async () => {
  const { accounts } = bank();
  for (const expected of [undefined, VersionConflict]) {
    const account = accounts.create('42');
    account.deposit(1);
    const saved = accounts.save(account);
    if (expected) await expect(saved).rejects.toThrow(expected);
    else expect(await saved).toMatchObject({ version: 1, repeated: false });
  }
});
