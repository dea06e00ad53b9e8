import { DomainEvent, EventHandler, Field, Ignores, instant } from '@backstory/events';
import { Aggregate } from './aggregate-decorator.js';
import { modelOf } from './aggregate-model.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';
import { checkState } from './state-check.js';

@DomainEvent('account.deposited')
class Deposited {
  @Field(instant) readonly at: Date;
  constructor(
    readonly amount: number,
    at: Date,
  ) {
    this.at = at;
  }
}
@DomainEvent('account.noted')
class Noted {}

@Aggregate('account')
@Ignores(Noted)
class Account extends EventSourcedAggregate {
  balance = 0;
  @Field(instant) lastSeen?: Date;
  deposit(amount: number): void {
    this.raise(new Deposited(amount, new Date(amount)));
    this.raise(new Noted());
  }
  @EventHandler(Deposited) private deposited({ amount, at }: Deposited): void {
    this.balance += amount;
    this.lastSeen = at;
  }
  uses(): unknown {
    return this.deposited;
  }
}

it('an aggregate with TC39 decorators raises and folds', () => {
  const model = modelOf(Account);
  const account = model.create('42');
  account.deposit(5);
  expect(account).toMatchObject({ id: '42', version: 2, balance: 5, lastSeen: new Date(5) });
  expect(model.state(account)).toEqual({ balance: 5, lastSeen: '1970-01-01T00:00:00.005Z' });
  expect(model.category).toBe('account');
});

it('an async fold is refused', () => {
  @Aggregate('slow')
  class Slow extends EventSourcedAggregate {
    @(EventHandler(Noted) as (method: unknown, context: ClassMethodDecoratorContext) => void)
    async noted(): Promise<void> {}
  }
  expect(() => modelOf(Slow)).toThrow('Slow.noted is asynchronous');
});

it('a handler of a large state may call a #method of its own', () => {
  @Aggregate('tally')
  class Tally extends EventSourcedAggregate {
    amounts: number[] = [];
    add(): void {
      for (let i = 0; i < 400; i++) this.raise(new Deposited(i, new Date(i)));
    }
    @EventHandler(Deposited) deposited({ amount }: Deposited): void {
      this.#count(amount);
    }
    #count(amount: number): void {
      this.amounts.push(amount);
    }
  }
  const tally = modelOf(Tally).create('1');
  tally.add();
  checkState(tally);
  expect(tally.amounts).toHaveLength(400);
});
