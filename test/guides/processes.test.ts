import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  memory,
  type Repository,
} from 'backstory';
import { Command, CommandHandler, handles } from 'backstory/process';
import { IsPositive } from 'class-validator';

// The code of docs/guides/processes.md.

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}

@Aggregate('account')
class Account extends EventSourcedAggregate {
  balance = 0;
  deposit(amount: number) {
    this.raise(new Deposited(amount));
    return this.balance;
  }
  @EventHandler(Deposited) protected deposited({ amount }: Deposited) {
    this.balance += amount;
  }
}

@Command('account.deposit')
class Deposit {
  @IsPositive() readonly amount: number;

  constructor(
    readonly account: string,
    amount: number,
  ) {
    this.amount = amount;
  }
}

@CommandHandler(Deposit)
class Depositing {
  constructor(private readonly accounts: Repository<Account>) {}
  handle({ account, amount }: Deposit) {
    return this.accounts.update(account, (it) => it.deposit(amount));
  }
}

const depositing = handles(Deposit, {
  on: Account,
  id: ({ account }) => account,
  create: true,
  do: (account, { amount }) => account.deposit(amount),
});

test('a command is bound to its aggregate, checked, and may be repeated', async () => {
  const bank = defineBackstory({
    name: 'bank',
    store: memory(),
    aggregates: [Account],
    commands: [depositing],
  });
  await bank.run(async (app) => {
    const first = await app.dispatch(new Deposit('42', 100), { commandId: 'request-7' });
    const again = await app.dispatch(new Deposit('42', 100), { commandId: 'request-7' });
    expect([first, again]).toMatchObject([
      { repeated: false, value: 100, version: 1 },
      { repeated: true, value: undefined, version: 1 },
    ]);

    const outcome = await app.commands.attempt(new Deposit('42', -5));
    if (!outcome.ok) expect(outcome.error).toMatchObject({ code: 'BACKSTORY_INVALID_DATA' });
    expect(outcome.ok).toBe(false);
  });
});

test('a command is kept for later, listed, and cancelled', async () => {
  let now = Date.parse('2026-11-20T12:00:00Z');
  const bank = defineBackstory({
    name: 'bank',
    store: memory(),
    aggregates: [Account],
    events: [Deposited],
    commands: [depositing],
    schedules: { clock: () => now },
  });
  await bank.run(
    async (app) => {
      await app.schedule(new Deposit('42', 5), { after: 15 * 60_000, id: 'bonus-42' });
      await app.schedule(new Deposit('42', 1), { at: new Date('2027-01-01T00:00:00Z'), every: 86_400_000 });
      await app.schedule(new Deposited(7), { at: new Date('2027-01-01T00:00:00Z'), stream: 'gift-42' });

      const [bonus] = await app.schedules.list({ prefix: 'bonus-' });
      expect(bonus).toMatchObject({ kind: 'command', type: 'account.deposit', state: 'waiting' });

      now += 15 * 60_000;
      expect(await app.schedules.fireDue()).toBe(1);
      expect((await app.repository(Account).load('42')).balance).toBe(5);
      expect(await app.schedules.cancel('bonus-42')).toBe('unknown');
    },
    { schedules: false },
  );
});

test('a handler is a class as well, and the examples of the doc comments are true', async () => {
  const handling = [
    handles(Deposit, {
      on: Account,
      id: ({ account }) => account,
      do: (account, { amount }) => account.deposit(amount),
    }),
  ];
  expect(handling).toHaveLength(1);
  const bank = defineBackstory({
    name: 'bank',
    store: memory(),
    aggregates: [Account],
    commands: [(app) => new Depositing(app.repository(Account))],
  });
  await bank.run(async (app) => {
    await expect(app.dispatch(new Deposit('42', 5))).rejects.toMatchObject({
      code: 'BACKSTORY_AGGREGATE_NOT_FOUND',
    });
  });
});
