import {
  Aggregate,
  Context,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  memory,
  sqlite,
  type App,
  type RecordedEvent,
  type Repository,
} from 'backstory';
import { AppendOutcomeUnknown, readRecorded } from '@backstory/core';
import { Command, CommandHandler, handles, type CommandContext } from '@backstory/process';
import { IsPositive, ValidateBy } from 'class-validator';
import { sqliteFiles } from '../../../../test/support/sqlite-files';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}

@Aggregate('account')
class Account extends EventSourcedAggregate {
  balance = 0;
  deposit(amount: number) {
    if (amount > 1_000) throw new Error('too much');
    this.raise(new Deposited(amount));
    return this.balance;
  }
  @EventHandler(Deposited) protected deposited({ amount }: Deposited) {
    this.balance += amount;
  }
}

const isKnown = ValidateBy({
  name: 'isKnown',
  async: true,
  validator: { validate: async (value: unknown) => Promise.resolve(value !== 'stranger') },
});

@Command('account.deposit')
class Deposit {
  @isKnown readonly account: string;
  @IsPositive() readonly amount: number;
  constructor(account: string, amount: number) {
    this.account = account;
    this.amount = amount;
  }
}
class Transfer {
  constructor(
    readonly from: string,
    readonly to: string,
    readonly amount: number,
  ) {}
}
class Close {}

@CommandHandler(Transfer)
class Transferring {
  private readonly accounts: Repository<Account>;
  constructor(private readonly app: App) {
    this.accounts = app.repository(Account);
  }
  async handle({ from, to, amount }: Transfer, { commandId }: CommandContext) {
    await this.app.dispatch(new Deposit(from, amount));
    await this.app.dispatch(new Deposit(to, amount));
    await this.accounts.update(to, (account) => account.deposit(1));
    return commandId;
  }
}

class Desk {
  private readonly closed: string[] = [];
  @CommandHandler(Close) close(_: Close) {
    this.closed.push('now');
    return this.closed;
  }
}

const depositing = handles(Deposit, {
  on: Account,
  id: ({ account }) => account,
  create: true,
  do: (account, { amount }) => account.deposit(amount),
});

const files = sqliteFiles();

describe.each(['memory', 'sqlite'])('commands on %s', (kind) => {
  const bank = () =>
    defineBackstory({
      name: 'bank',
      store: kind === 'memory' ? memory() : sqlite(files.newFile()),
      aggregates: [Account],
      commands: [depositing, Transferring, () => new Desk()],
    });
  let app: App;
  beforeEach(async () => {
    app = await bank().start();
  });
  afterEach(() => app.close());

  const log = async () => {
    const found: RecordedEvent[] = [];
    for await (const { events } of app.events.readAll()) found.push(...events.map((it) => readRecorded(it)));
    return found;
  };

  test('load, change and save in one line, and give what was saved', async () => {
    const result = await app.dispatch(new Deposit('42', 100));
    expect(result).toMatchObject({ stream: 'account-42', version: 1, value: 100, repeated: false });
    expect((await app.repository(Account).load('42')).balance).toBe(100);
  });

  test('carry their name, id and flow into what they record', async () => {
    const context = Context.of({ correlationId: 'c-1', actor: 'ann', tenant: 'eu' });
    await context.run(() => app.dispatch(new Deposit('42', 100), { commandId: 'deposit-1' }));
    const [event] = await log();
    expect(event!.metadata).toMatchObject({
      correlationId: 'c-1',
      actor: 'ann',
      tenant: 'eu',
      command: 'account.deposit',
      commandId: 'deposit-1',
    });
  });

  test('repeated with their id, record nothing new, however many commands they send in turn', async () => {
    const transfer = () => app.dispatch(new Transfer('1', '2', 10), { commandId: 't-1' });
    expect(await transfer()).toBe('t-1');
    const before = await log();
    expect(before).toHaveLength(3);
    expect(await transfer()).toBe('t-1');
    expect(await log()).toEqual(before);
    await app.dispatch(new Transfer('1', '2', 10));
    expect(await log()).toHaveLength(6);
  });

  test('say what they followed from when a handler sends them, and the handler may run again', async () => {
    const { ids } = await app.record('audit-1', [new Deposited(1)]);
    const [cause] = await log();
    const react = () =>
      Context.handling(cause!, { subscription: 's', handler: 'h' }).run(async () => {
        await app.dispatch(new Deposit('42', 1));
        await app.dispatch(new Deposit('42', 2));
      });
    await react();
    await react();
    const [, ...events] = await log();
    expect(events.map(({ data }) => data)).toEqual([{ amount: 1 }, { amount: 2 }]);
    expect(events.map(({ metadata }) => metadata.causationId)).toEqual([ids[0], ids[0]]);
  });

  test('are checked before they are begun, by rules that wait as well', async () => {
    await expect(app.dispatch(new Deposit('42', -1))).rejects.toMatchObject({
      code: 'BACKSTORY_INVALID_DATA',
      subject: 'account.deposit',
      violations: [{ path: 'amount', constraint: 'isPositive' }],
    });
    await expect(app.dispatch(new Deposit('stranger', 1))).rejects.toMatchObject({
      violations: [{ path: 'account', constraint: 'isKnown' }],
    });
    expect(await log()).toEqual([]);
  });

  test('give their error to who dispatches, as a throw or as a value', async () => {
    await expect(app.dispatch(new Deposit('42', 2_000))).rejects.toThrow('too much');
    const failed = await app.commands.attempt(new Deposit('42', 2_000), { commandId: 'a' });
    expect(failed).toMatchObject({ ok: false, error: { message: 'too much' }, commandId: 'a' });
    const fine = await app.commands.attempt(new Close());
    expect(fine).toMatchObject({ ok: true, value: ['now'] });
    const refused = await app.commands.attempt(new Deposit('42', -1));
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'BACKSTORY_INVALID_DATA' },
      commandId: undefined,
    });
  });

  test('that nobody carries out, say which are', async () => {
    class Unknown {}
    await expect(app.dispatch(new Unknown())).rejects.toThrow(
      'Nobody handles the command Unknown (known: account.deposit, Transfer, Close)',
    );
    await expect(app.dispatch(null as never)).rejects.toMatchObject({ code: 'BACKSTORY_NO_COMMAND_HANDLER' });
    await expect(app.dispatch({})).rejects.toThrow('Nobody handles the command Object');
  });

  test('that are of no class are refused like those of one that nobody handles', async () => {
    for (const command of [Object.create(null), { account: '42' }, null])
      await expect(app.dispatch(command as object)).rejects.toMatchObject({
        code: 'BACKSTORY_NO_COMMAND_HANDLER',
      });
  });

  test('refuse an id that is none, an option that is none, and a caller who has given up', async () => {
    await expect(app.dispatch(new Close(), { commandId: '' })).rejects.toMatchObject({
      code: 'BACKSTORY_INVALID_COMMAND_ID',
    });
    await expect(app.dispatch(new Close(), { commandID: 'a' } as never)).rejects.toMatchObject({
      code: 'BACKSTORY_INVALID_OPTION',
    });
    await expect(app.dispatch(new Close(), { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    );
  });

  test('left by a caller who gives up are waited for all the same when the application closes', async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    class Slow {}
    const end: unknown[] = [];
    class Handler {
      @CommandHandler(Slow) async slow() {
        await opened;
        end.push(await app.record('audit-1', [new Deposited(1)]).then(() => 'recorded', String));
      }
    }
    app.commands.register(new Handler());
    const giveUp = new AbortController();
    const left = app.dispatch(new Slow(), { signal: giveUp.signal });
    await new Promise(setImmediate);
    giveUp.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    const closing = app.close().then(() => end.push('closed'));
    // Closed by now, if the command were not waited for.
    while ((await app.commands.attempt(new Close())).ok) await new Promise(setImmediate);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    open();
    await closing;
    expect(end).toEqual(['recorded', 'closed']);
  });

  test.each([
    ['that ends', undefined],
    ['of which nobody knows whether it was recorded', new AppendOutcomeUnknown('a', 5_000)],
  ])(
    'carried out for a schedule end with the one that they sent in turn and gave up: one %s',
    async (_, error) => {
      let end = () => {};
      const ended = new Promise<void>((resolve, reject) => (end = error ? () => reject(error) : resolve));
      class Outer {}
      class Inner {}
      class Handler {
        @CommandHandler(Outer) outer(_command: Outer, { signal }: CommandContext) {
          return app.dispatch(new Inner(), { signal: signal! });
        }
        @CommandHandler(Inner) inner() {
          return ended;
        }
      }
      app.commands.register(new Handler());
      const timeOut = new AbortController();
      let isOver = false;
      const carried = app.commands
        .carryOut(new Outer(), { signal: timeOut.signal })
        .catch((it: unknown) => it)
        .finally(() => (isOver = true));
      await new Promise(setImmediate);
      const late = new Error('its time is over');
      timeOut.abort(late);
      for (let i = 0; i < 50; i++) await new Promise(setImmediate);
      expect(isOver).toBe(false);
      end();
      expect(await carried).toBe(error ?? late);
    },
  );

  test('of one id are one command: another is refused, and says what was carried out', async () => {
    class Withdraw {
      constructor(readonly account: string) {}
    }
    class Handler {
      @CommandHandler(Withdraw) async withdraw({ account }: Withdraw) {
        const own = (await app.repository(Account).find(account)) ?? app.repository(Account).create(account);
        own.deposit(-50);
        return app.repository(Account).save(own);
      }
    }
    app.commands.register(new Handler());
    await app.dispatch(new Deposit('42', 100), { commandId: 'r-7' });
    await app.dispatch(new Deposit('43', 100), { commandId: 'r-7' });
    const refused = {
      code: 'BACKSTORY_COMMAND_ID_REUSED',
      stream: 'account-42',
      commandId: 'r-7',
      recorded: 'account.deposit',
    };
    await expect(app.dispatch(new Withdraw('42'), { commandId: 'r-7' })).rejects.toMatchObject({
      ...refused,
      command: 'Withdraw',
    });
    const update = app
      .repository(Account)
      .update('42', (it) => it.deposit(1), { commandId: 'r-7', command: 'bonus' });
    await expect(update).rejects.toMatchObject({ ...refused, command: 'bonus' });
    expect(await log()).toHaveLength(2);
  });

  test('renamed since they were carried out are the same by their aliases', async () => {
    @Command('account.pay-in', { aliases: ['account.deposit'] })
    class PayIn {}
    app.commands.register(
      handles(PayIn, { on: Account, id: () => '42', do: (account) => account.deposit(100) }),
    );
    await app.dispatch(new Deposit('42', 100), { commandId: 'r-7' });
    expect(await app.dispatch(new PayIn(), { commandId: 'r-7' })).toMatchObject({
      repeated: true,
      version: 1,
    });
    expect(await log()).toHaveLength(1);
  });

  test('are waited for when the application closes, and no more are taken', async () => {
    const order: string[] = [];
    class Slow {}
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    class Handler {
      @CommandHandler(Slow) async slow() {
        await opened;
        await app.dispatch(new Deposit('42', 1));
        order.push('carried out');
      }
    }
    app.commands.register(new Handler());
    const running = app.dispatch(new Slow());
    await new Promise(setImmediate);
    const closed = app.close().then(() => order.push('closed'));
    // Handlers of subscriptions may still send some until they have ended.
    let late = await app.commands.attempt(new Close());
    while (late.ok) late = await app.commands.attempt(new Close());
    expect(late.error).toMatchObject({ code: 'BACKSTORY_COMMANDS_CLOSED' });
    open();
    await Promise.all([running, closed]);
    expect(order).toEqual(['carried out', 'closed']);
  });
});

test('one that hangs holds up the closing for 30 seconds, and no longer', async () => {
  class Hang {}
  class Handler {
    @CommandHandler(Hang) hang() {
      return new Promise(() => {});
    }
  }
  const app = await defineBackstory({
    name: 'bank',
    store: memory(),
    commands: [() => new Handler()],
  }).open();
  const giveUp = new AbortController();
  const hanging = app.dispatch(new Hang(), { signal: giveUp.signal });
  await new Promise(setImmediate);
  giveUp.abort(new Error('enough'));
  await expect(hanging).rejects.toThrow('enough');
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
  try {
    let isClosed = false;
    const closing = app.close().then(() => (isClosed = true));
    while (jest.getTimerCount() === 0 && !isClosed) await new Promise(setImmediate);
    await jest.advanceTimersByTimeAsync(29_999);
    expect(isClosed).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await closing;
  } finally {
    jest.useRealTimers();
  }
});

test('of two at once with one id, one is recorded', async () => {
  await defineBackstory({ name: 'bank', store: memory(), aggregates: [Account], commands: [depositing] }).run(
    async (app) => {
      const deposit = () => app.dispatch(new Deposit('42', 5), { commandId: 'd-1' });
      await Promise.all([deposit(), deposit(), deposit()]);
      expect((await app.repository(Account).load('42')).balance).toBe(5);
    },
  );
});

describe('handlers', () => {
  test('a command has one; registering gives a function that ends it', async () => {
    await defineBackstory({ name: 'bank', store: memory(), aggregates: [Account] }).run(async (app) => {
      const end = app.commands.register(new Desk());
      expect(() => app.commands.register(new Desk())).toThrow('Close has two handlers');
      expect(() => app.commands.register(null as never)).toThrow(
        'register needs an object with @CommandHandler',
      );
      end();
      app.commands.register(new Desk());
      end();
      expect(await app.dispatch(new Close())).toEqual(['now']);
    });
  });

  test.each<[string, () => unknown, string]>([
    [
      'a class without handle',
      () => CommandHandler(Close)(class Nothing {} as never),
      'Nothing has @CommandHandler and no method handle',
    ],
    [
      'a command that is undefined',
      () => CommandHandler(undefined as never)(Desk as never),
      'names a command class that is undefined',
    ],
    [
      'a bound command that is undefined',
      () => handles(undefined as never, {} as never),
      'names a command class that is undefined',
    ],
    [
      'an object that carries out nothing',
      () => defineBackstory({ name: 'x', store: memory(), commands: [{} as never] }),
      'was given commands[0], which is no handler',
    ],
    [
      'no list',
      () => defineBackstory({ name: 'x', store: memory(), commands: Desk as never }),
      'needs a list of commands',
    ],
  ])('%s is refused', (_, define, message) => expect(define).toThrow(message));
});
