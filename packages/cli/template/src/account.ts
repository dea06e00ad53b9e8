import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate } from 'backstory';

// Events: what has happened. Their names are what is stored, whatever the classes are called.

@DomainEvent('account.deposited')
export class Deposited {
  constructor(readonly amount: number) {}
}

@DomainEvent('account.withdrawn')
export class Withdrawn {
  constructor(readonly amount: number) {}
}

@Aggregate('account')
export class Account extends EventSourcedAggregate {
  balance = 0;

  // Methods decide: they refuse, or raise an event.

  deposit(amount: number): void {
    if (amount <= 0) throw new Error('Deposit more than nothing.');
    this.raise(new Deposited(amount));
  }

  withdraw(amount: number): void {
    if (amount <= 0) throw new Error('Withdraw more than nothing.');
    if (amount > this.balance) throw new Error(`Only ${this.balance} left.`);
    this.raise(new Withdrawn(amount));
  }

  // Handlers change the state, when an event is raised and whenever the history is read.

  @EventHandler(Deposited)
  protected deposited(event: Deposited): void {
    this.balance += event.amount;
  }

  @EventHandler(Withdrawn)
  protected withdrawn(event: Withdrawn): void {
    this.balance -= event.amount;
  }
}
