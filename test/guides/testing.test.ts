import type { EventStore, StateStore } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import { MemoryStateStore } from '@backstory/core/state';
import { describeEventStore, describeStateStore, given } from '@backstory/testing';
import { Account, Deposited, Withdrawn } from '../../examples/bank/backstory.config';

// The code of packages/testing/README.md.
test('an account gives what it has, and no more', () => {
  given(Account, [new Deposited(100)])
    .when((account) => account.withdraw(30))
    .expect([new Withdrawn(30)]);

  given(Account, [new Deposited(100)])
    .when((account) => account.withdraw(101))
    .expect(/Only 100 left/);

  given(Account, [new Deposited(100), new Withdrawn(30)])
    .when((account) => account.deposit(5))
    .expect({ events: [new Deposited(5)], state: { balance: 75 } });
});

class MyEventStore extends MemoryEventStore {}
class MyStateStore extends MemoryStateStore {}

const opened: (EventStore | StateStore)[] = [];
const open = <Store extends EventStore | StateStore>(store: Store): Store => {
  opened.push(store);
  return store;
};
const cleanup = async () => void (await Promise.all(opened.splice(0).map((store) => store.close())));

describeEventStore('my event store', {
  capabilities: { durable: false, multiStreamAppends: true, densePositions: true, unindexed: [] },
  open: async () => open(new MyEventStore()),
  cleanup,
});

describeStateStore('my state store', {
  capabilities: { durable: false },
  open: async () => open(new MyStateStore()),
  cleanup,
});
