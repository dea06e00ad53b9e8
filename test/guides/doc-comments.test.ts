import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  Aggregate,
  Context,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  decider,
  defineBackstory,
  memory,
  sqlite,
} from 'backstory';
import { MemoryEventStore, MemoryLog, type StoreCapabilities } from '@backstory/core/store';
import { postgres } from '@backstory/postgres';
import { describeEventStore, given } from '@backstory/testing';
import * as bank from '../../examples/bank/backstory.config';

// The examples in doc comments, as far as no other test has them.

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}

test('EventSourcedAggregate', () => {
  @Aggregate('account')
  class Account extends EventSourcedAggregate {
    balance = 0;
    deposit(amount: number) {
      this.raise(new Deposited(amount));
    }
    @EventHandler(Deposited) protected deposited(event: Deposited) {
      this.balance += event.amount;
    }
  }
  given(Account)
    .when((account) => account.deposit(5))
    .expect({ state: { balance: 5 } });
});

test('decider', () => {
  const Account = decider('account', {
    initial: { balance: 0 },
    events: { Deposited },
    decide: { deposit: (state, amount: number) => new Deposited(amount) },
    evolve: { Deposited: (state, { amount }) => ({ balance: state.balance + amount }) },
  });
  given(Account)
    .when((account) => account.deposit(5))
    .expect({ events: [new Deposited(5)], state: { balance: 5 } });
});

test('Repository and Context', async () => {
  await defineBackstory({ name: 'bank', store: memory(), aggregates: [bank.Account] }).run(async (app) => {
    const accounts = app.repository(bank.Account);
    const request = { id: 'request-7' };

    await accounts.update('42', (account) => account.deposit(100), { create: true });
    const before = await accounts.load('42', { atVersion: 1 });

    await Context.of({ actor: 'ann', correlationId: request.id }).run(() =>
      accounts.update('42', (a) => a.deposit(5)),
    );
    const { balance } = await accounts.load('42');
    expect([before.balance, balance]).toEqual([100, 105]);
  });
});

test('given', () => {
  class InsufficientFunds extends Error {}
  class Account extends bank.Account {
    override withdraw(amount: number) {
      if (amount > this.balance) throw new InsufficientFunds();
      super.withdraw(amount);
    }
  }
  Aggregate('account')(Account);
  const { Deposited, Withdrawn } = bank;

  given(Account, [new Deposited(10)])
    .when((account) => account.withdraw(5))
    .expect([new Withdrawn(5)]);
  given(Account, [])
    .when((account) => account.withdraw(5))
    .expect(InsufficientFunds);
  given(Account, [new Deposited(10)])
    .when((account) => account.withdraw(5))
    .expect({ state: { balance: 5 } });
});

test('the stores', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'doc-comments-'));
  const before = process.cwd();
  process.chdir(folder);
  const storage = sqlite('bank.db');
  const { events, close } = await storage.open();
  expect((await events.identity()).head).toBe(0);
  await close();
  process.chdir(before);
  fs.rmSync(folder, { recursive: true });

  const store = postgres('postgres://bank@db.example/bank');
  expect(store.description).toContain('db.example');
});

const capabilities: StoreCapabilities = {
  durable: false,
  multiStreamAppends: true,
  densePositions: true,
  unindexed: [],
};
const opened = new Map<unknown, MemoryLog>();
const openMyStore = async (log = new MemoryLog()) => {
  const store = new MemoryEventStore({}, log);
  opened.set(store, log);
  return store;
};
const reopen = (store: unknown) => openMyStore(opened.get(store));
const cleanup = async () => opened.clear();
describeEventStore('my store', { capabilities, open: () => openMyStore(), reopen, cleanup });
