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
import { readRecorded } from '@backstory/core';
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

  test('that hang are left by a caller who gives up, and hold up nothing', async () => {
    class Hang {}
    class Handler {
      @CommandHandler(Hang) hang() {
        return new Promise(() => {});
      }
    }
    app.commands.register(new Handler());
    const giveUp = new AbortController();
    const hanging = app.dispatch(new Hang(), { signal: giveUp.signal });
    await new Promise(setImmediate);
    giveUp.abort(new Error('enough'));
    await expect(hanging).rejects.toThrow('enough');
    await app.close();
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
