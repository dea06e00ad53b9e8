import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate, defineBackstory, sqlite } from 'backstory';

@DomainEvent('account.deposited') export class Deposited { constructor(readonly amount: number) {} }
@DomainEvent('account.withdrawn') export class Withdrawn { constructor(readonly amount: number) {} }

@Aggregate('account')
export class Account extends EventSourcedAggregate {
  balance = 0;
  deposit(amount: number) { this.raise(new Deposited(amount)); }
  withdraw(amount: number) {
    if (amount > this.balance) throw new Error(`Only ${this.balance} left.`);
    this.raise(new Withdrawn(amount));
  }
  @EventHandler(Deposited) protected deposited(event: Deposited) { this.balance += event.amount; }
  @EventHandler(Withdrawn) protected withdrawn(event: Withdrawn) { this.balance -= event.amount; }
}
export default defineBackstory({ name: 'bank', store: sqlite('bank.db'), aggregates: [Account] });
