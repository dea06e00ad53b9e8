import { AssertionError } from 'node:assert';
import { Aggregate, EventSourcedAggregate, RaiseFailed } from '@backstory/aggregate';
import { DomainEvent, EventHandler, Field, Fields, instant } from '@backstory/events';
import { given } from './given.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(
    readonly amount: number,
    readonly note?: string,
  ) {}
}
@DomainEvent('account.closed')
@Fields({ at: instant })
class Closed {
  constructor(readonly at: Date) {}
}
@DomainEvent('account.spoiled')
class Spoiled {}
class InsufficientFunds extends Error {
  constructor(readonly missing: number) {
    super(`${missing} are missing`);
  }
}

@Aggregate('account')
class Account extends EventSourcedAggregate {
  balance = 0;
  @Field(instant) closedAt?: Date;
  deposit(amount: number): void {
    this.raise(new Deposited(amount));
  }
  withdraw(amount: number): void {
    if (amount > this.balance) throw new InsufficientFunds(amount - this.balance);
    this.balance -= amount;
  }
  async closeLater(at: Date): Promise<void> {
    await Promise.resolve();
    if (this.balance > 0) throw new Error('not empty');
    this.raise(new Closed(at));
  }
  spoil(): void {
    this.raise(new Spoiled());
  }
  @EventHandler(Spoiled) protected spoiled(): void {
    throw new RangeError('spoiled');
  }
  @EventHandler(Deposited) protected deposited({ amount }: Deposited): void {
    this.balance += amount;
  }
  @EventHandler(Closed) protected closed({ at }: Closed): void {
    this.closedAt = at;
  }
}

const deposit = (amount: number) => (account: Account) => account.deposit(amount);
const noon = new Date('2026-01-01T12:00:00.000Z');

it('passes when exactly the expected events are raised', () => {
  given(Account, [new Deposited(1)])
    .when(deposit(5))
    .expect([new Deposited(5)]);
  given(Account)
    .when(() => undefined)
    .expect([]);
});

it.each([
  ['another value', [new Deposited(6)], /\+\s+amount: 5[\s\S]*-\s+amount: 6/],
  ['no event', [], /raised other events than expected/],
  ['one event more', [new Deposited(5), new Deposited(5)], /raised other events/],
  ['another class', [new Closed(noon)], /Deposited[\s\S]*Closed/],
])('fails with the difference when %s was expected', (_, events, message) => {
  expect(() => given(Account).when(deposit(5)).expect(events)).toThrow(AssertionError);
  expect(() => given(Account).when(deposit(5)).expect(events)).toThrow(message);
});

it('compares events as they are read back', () => {
  given(Account)
    .when(deposit(5))
    .expect([new Deposited(5, undefined)]);
});

it('an expected error is given by class, instance or pattern', () => {
  const refused = given(Account, [new Deposited(2)]).when((account) => account.withdraw(5));
  refused.expect(InsufficientFunds);
  refused.expect(new InsufficientFunds(3));
  refused.expect(/are missing/);
  expect(() => refused.expect(TypeError)).toThrow('Expected TypeError, but Error: 3 are missing was thrown.');
  expect(() => refused.expect(new InsufficientFunds(4))).toThrow(/Another error/);
  class Refused extends Error {
    readonly missing = 3;
  }
  expect(() => refused.expect(new Refused('3 are missing'))).toThrow(/Another error/);
  expect(() => refused.expect(Object.assign(new InsufficientFunds(3), { message: 'no' }))).toThrow(
    /Another error/,
  );
  expect(() => refused.expect(Object.assign(new InsufficientFunds(3), { missing: 4 }))).toThrow(
    /Another error/,
  );
  expect(() => refused.expect(/too much/)).toThrow('does not match /too much/');
});

it('an error that makes the aggregate unusable can be expected', () => {
  given(Account)
    .when((account) => account.spoil())
    .expect(RaiseFailed);
});

it('an error that was not expected is thrown as it is', () => {
  expect(() =>
    given(Account)
      .when((account) => account.withdraw(5))
      .expect([]),
  ).toThrow(InsufficientFunds);
});

it('says what was raised when an error was expected', () => {
  expect(() => given(Account).when(deposit(5)).expect(InsufficientFunds)).toThrow(
    'Account was expected to refuse with InsufficientFunds, but raised account.deposited.',
  );
});

it('compares the named properties of the state', async () => {
  given(Account, [new Deposited(1)])
    .when(deposit(5))
    .expect({ state: { balance: 6 }, events: [new Deposited(5)] });
  await given(Account)
    .when((account) => account.closeLater(noon))
    .expect({ state: { closedAt: noon } });
  expect(() =>
    given(Account)
      .when(deposit(5))
      .expect({ state: { balance: 6 } }),
  ).toThrow(/The state of Account/);
  expect(() =>
    given(Account)
      .when(deposit(5))
      .expect({ state: { balanse: 5 } }),
  ).toThrow(/The state of Account/);
});

it('state that was changed without an event is found', () => {
  const spend = given(Account, [new Deposited(9)]).when((account) => account.withdraw(5));
  expect(() => spend.expect([])).toThrow(
    /^Account given changed its state in another way than by its events \(balance\): raise an event, .*\n[\s\S]*balance: 4/,
  );
});

it('an async decision is awaited', async () => {
  const close = (account: Account) => account.closeLater(noon);
  await given(Account)
    .when(close)
    .expect([new Closed(noon)]);
  await given(Account, [new Deposited(1)])
    .when(close)
    .expect(/not empty/);
  await expect(given(Account).when(close).expect([])).rejects.toThrow(/raised other events/);
});
