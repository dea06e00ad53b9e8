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
  type App,
  type BackstoryOptions,
  type EventStore,
  type RecordedEvent,
  type Repository,
} from 'backstory';
import { readRecorded, type StateStore } from '@backstory/core';
import { Container, ContainerModule, inject, injectable, preDestroy } from 'inversify';
import { sqliteFiles } from '../../../test/support/sqlite-files';
import { bindBackstory, type Bindings } from './bind-backstory.js';
import { repositoryOf } from './repository-of.js';
import { BACKSTORY } from './service-identifiers.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}
@Aggregate('account')
class Account extends EventSourcedAggregate {
  balance = 0;
  deposit(amount: number) {
    this.raise(new Deposited(amount));
  }
  @EventHandler(Deposited) protected deposited({ amount }: Deposited) {
    this.balance += amount;
  }
}
@Aggregate('branch')
class Branch extends EventSourcedAggregate {}

@injectable()
class Deposit {
  constructor(@inject(repositoryOf(Account)) readonly accounts: Repository<Account>) {}
  async handle(id: string, amount: number) {
    await this.accounts.update(id, (account) => account.deposit(amount), { create: true });
  }
}
@injectable()
class Report {
  constructor(
    @inject(BACKSTORY.app) readonly app: App,
    @inject(BACKSTORY.events) readonly log: EventStore,
    @inject(BACKSTORY.state) readonly state: StateStore,
  ) {}
}

const files = sqliteFiles();
const apps: App[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

async function started({ store = memory(), aggregates = [Account, Branch] }: Partial<Settings> = {}) {
  const app = await defineBackstory({ name: 'bank', store, aggregates }).start();
  apps.push(app);
  return app;
}
type Settings = Pick<BackstoryOptions, 'store' | 'aggregates'>;

async function loaded(settings?: Partial<Settings>, options?: ConstructorParameters<typeof Container>[0]) {
  const app = await started(settings);
  const container = new Container(options);
  bindBackstory(container, app);
  return { app, container };
}

const moduleOf = (app: App) => new ContainerModule((module) => bindBackstory(module, app));

async function eventsOf(app: App): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  for await (const { events } of app.events.readAll()) found.push(...events.map(readRecorded));
  return found;
}

describe('a container with a running app', () => {
  it('gives the app, its log, its state, and the repository of every aggregate', async () => {
    const { app, container } = await loaded();
    container.bind(Report).toSelf();
    container.bind(Deposit).toSelf();
    expect(container.get(Report)).toEqual({ app, log: app.events, state: app.state });
    expect(container.get(Deposit).accounts).toBe(app.repository(Account));
    expect(container.get(repositoryOf(Branch))).toBe(app.repository(Branch));
  });

  it('gives handlers whose work is in the file afterwards', async () => {
    const file = files.newFile();
    const { app, container } = await loaded({ store: sqlite(file) });
    container.bind(Deposit).toSelf();
    await container.get(Deposit).handle('42', 100);
    await app.close();
    const again = await started({ store: sqlite(file) });
    expect(await again.repository(Account).load('42')).toMatchObject({ balance: 100, version: 1 });
  });

  it('gives the repository of a decider like that of a class, and the decider itself to nobody', async () => {
    const Till = decider('till', {
      initial: { cash: 0 },
      events: { Deposited },
      decide: { put: (_, amount: number) => new Deposited(amount) },
      evolve: { Deposited: ({ cash }, { amount }) => ({ cash: cash + amount }) },
    });
    @injectable()
    class Cashier {
      constructor(@inject(repositoryOf(Till)) readonly tills: Repository<InstanceType<typeof Till>>) {}
    }
    const { app, container } = await loaded({ aggregates: [Till] });
    container.bind(Cashier).toSelf();
    await container.get(Cashier).tills.update('1', (till) => till.put(5), { create: true });
    expect((await app.repository(Till).load('1')).state).toEqual({ cash: 5 });
    expect(() => container.get(Till)).toThrow('inject its repository, @inject(repositoryOf(till))');
  });

  it('may have it from a module, for which nobody need wait', async () => {
    const app = await started();
    const container = new Container();
    container.loadSync(moduleOf(app));
    expect(container.get(BACKSTORY.app)).toBe(app);
  });

  it('takes a test double in place of a repository', async () => {
    const { container } = await loaded();
    container.bind(Deposit).toSelf();
    const update = jest.fn();
    container.rebindSync(repositoryOf(Account)).toConstantValue({ update } as unknown as Repository<Account>);
    await container.get(Deposit).handle('42', 100);
    expect(update).toHaveBeenCalledTimes(1);
  });

  it('may be one of several with the same app, and goes without the others', async () => {
    const app = await started();
    const module = moduleOf(app);
    const [first, second] = [new Container(), new Container()];
    await Promise.all([first.load(module), second.load(module)]);
    await first.unload(module);
    expect(first.isBound(repositoryOf(Account))).toBe(false);
    expect(second.get(repositoryOf(Account))).toBe(app.repository(Account));
    await first.load(module);
    expect(first.get(BACKSTORY.app)).toBe(app);
  });

  it('keeps apart the aggregates of two apps that have one name', async () => {
    const classNamedAccount = () => {
      @Aggregate('account')
      class Account extends EventSourcedAggregate {}
      return Account;
    };
    const [one, other] = [classNamedAccount(), classNamedAccount()];
    expect(repositoryOf(one)).toBe(repositoryOf(one));
    expect(repositoryOf(one)).not.toBe(repositoryOf(other));
  });
});

describe('what cannot be', () => {
  it('a repository without an app, or of an aggregate that the app does not have, is asked for by name', async () => {
    const without = new Container();
    without.bind(Deposit).toSelf();
    const { container } = await loaded({ aggregates: [Branch] });
    container.bind(Deposit).toSelf();
    for (const it of [without, container]) {
      expect(() => it.get(Deposit)).toThrow(
        'No bindings found for service: "Symbol(repositoryOf(Account), bound by bindBackstory for an app with aggregates: [Account])"',
      );
    }
    without.bind(Report).toSelf();
    expect(() => without.get(Report)).toThrow('"Symbol(BACKSTORY.app, bound by bindBackstory)"');
  });

  it('a repository of what is no aggregate is refused where it is named', () => {
    expect(() => repositoryOf(Deposit as never)).toThrow('Deposit has no category of its own');
    expect(() => repositoryOf(undefined as never)).toThrow('two files that import each other leave it so');
  });

  it('an app that is not running is refused, saying how to start it', () => {
    const definition = defineBackstory({ name: 'bank', store: memory() });
    for (const given of [definition, Promise.resolve(), undefined, null]) {
      expect(() => bindBackstory(new Container(), given as never)).toThrow(
        'app: must be a running app: bindBackstory(container, await bank.start())',
      );
    }
  });

  it('a second app in a container or its child is refused, and the first one stays', async () => {
    const { app, container } = await loaded();
    const child = new Container({ parent: container });
    const other = await started();
    for (const it of [container, child]) {
      const refused = { code: 'BACKSTORY_APP_ALREADY_BOUND', facts: { app: 'bank' } };
      expect(() => bindBackstory(it, other)).toThrow(expect.objectContaining(refused));
      await expect(it.load(moduleOf(other))).rejects.toMatchObject(refused);
      expect(it.get(BACKSTORY.app)).toBe(app);
    }
  });

  it('what is no container is refused, saying what to give and from which release', async () => {
    const app = await started();
    // Releases before 7 gave modules a function first, and functions have a `bind`, too.
    for (const given of [() => undefined, app, undefined, null]) {
      expect(() => bindBackstory(given as unknown as Bindings, app)).toThrow(
        'container: must be a Container of Inversify 7.11 or later, or what it gives to the function of a ContainerModule: ' +
          'new ContainerModule((module) => bindBackstory(module, app)).',
      );
    }
  });
});

describe('an aggregate', () => {
  @injectable()
  class ByType {
    constructor(readonly account: Account) {}
  }
  @injectable()
  class ByProperty {
    @inject(Account) readonly account!: Account;
  }
  const refused = expect.objectContaining({
    code: 'BACKSTORY_AGGREGATE_NOT_INJECTABLE',
    message:
      'Account is an aggregate, and a container gives none: inject its repository, @inject(repositoryOf(Account)), ' +
      'and load or update it there by its id.',
  });
  const thrown = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };

  describe.each([undefined, { autobind: true }] as const)('in a container with options %p', (options) => {
    it('is not resolved, nor injected into anything', async () => {
      const { container } = await loaded({}, options);
      for (const cls of [ByType, ByProperty]) container.bind(cls).toSelf();
      for (const cls of [Account, ByType, ByProperty]) {
        expect(thrown(() => container.get<unknown>(cls))).toEqual(refused);
        await expect(container.getAsync<unknown>(cls)).rejects.toEqual(refused);
      }
    });

    it('is not resolved from a child container, whoever bound it there', async () => {
      const { container } = await loaded({}, options);
      const child = new Container({ ...options, parent: container });
      child.bind(ByType).toSelf();
      expect(thrown(() => child.get(ByType))).toEqual(refused);
      child.bind(Account).toSelf();
      expect(thrown(() => child.get(ByType))).toEqual(refused);
    });

    it.each(['before', 'after'])('is not resolved when it was bound %s the app was', async (when) => {
      const container = new Container(options);
      if (when === 'before') container.bind(Account).toSelf();
      bindBackstory(container, await started());
      if (when === 'after') container.bind(Account).toConstantValue(new Account());
      expect(thrown(() => container.get(Account))).toEqual(refused);
    });

    it('is not resolved while, nor after, somebody has it bound', async () => {
      const { container } = await loaded({}, options);
      const bound = container.bind(Account).toSelf().getIdentifier();
      expect(thrown(() => container.get(Account))).toEqual(refused);
      container.unbindSync(bound);
      expect(thrown(() => container.get(Account))).toEqual(refused);
    });

    it('is free again when the module is unloaded', async () => {
      const container = new Container(options);
      const module = moduleOf(await started());
      await container.load(module);
      await container.unload(module);
      container.bind(Account).toSelf();
      expect(container.get(Account)).toBeInstanceOf(Account);
    });
  });

  it("with Inversify's decorators is refused before anything is bound", async () => {
    @injectable()
    @Aggregate('marked')
    class Marked extends EventSourcedAggregate {}
    @Aggregate('injected')
    class Injected extends EventSourcedAggregate {
      @inject(BACKSTORY.app) protected app!: App;
    }
    for (const cls of [Marked, Injected]) {
      const app = await started({ aggregates: [Account, cls] });
      const container = new Container();
      expect(() => bindBackstory(container, app)).toThrow(
        `${cls.name} is an aggregate and has Inversify's decorators, but nothing is injected into an aggregate`,
      );
      expect(container.isBound(BACKSTORY.app)).toBe(false);
    }
  });
});

describe('the end', () => {
  it('of the container is not the end of the app, so that what is destroyed can still record', async () => {
    @injectable()
    class Teller {
      constructor(@inject(repositoryOf(Account)) readonly accounts: Repository<Account>) {}
      @preDestroy() async goHome() {
        await this.accounts.update('till', (account) => account.deposit(1), { create: true });
      }
    }
    const { app, container } = await loaded();
    container.bind(Teller).toSelf().inSingletonScope();
    container.get(Teller);
    await container.unbindAll();
    expect(await app.repository(Account).load('till')).toMatchObject({ balance: 1 });
  });

  it('of the container is synchronous when nothing else is to be waited for', async () => {
    const { app, container } = await loaded();
    container.get(repositoryOf(Account));
    container.unbindAllSync();
    expect(await app.repository(Account).find('42')).toBeUndefined();
  });

  it('of the app is told to handlers that come late', async () => {
    const { app, container } = await loaded();
    container.bind(Deposit).toSelf();
    await app.close();
    await expect(container.get(Deposit).handle('42', 1)).rejects.toMatchObject({
      code: 'BACKSTORY_STORE_CLOSED',
      message: expect.stringContaining('wait for everything that uses it (await) before closing it'),
    });
  });

  it.each(['memory', 'sqlite'])(
    'of the app while requests run loses nothing of what a request was told is done: %s',
    async (kind) => {
      const store = kind === 'memory' ? memory() : sqlite(files.newFile());
      const { app, container } = await loaded({ store });
      container.bind(Deposit).toSelf();
      const requests = () =>
        Array.from({ length: 20 }, () =>
          container
            .get(Deposit)
            .handle('42', 1)
            .then(() => 'done')
            .catch((error: { code: string }) => error.code),
        );
      const early = requests();
      await early[0];
      const closing = app.close();
      const late = requests();
      await closing;
      // Handlers under way are waited for before the store is closed: a late request may still be in time.
      const told = await Promise.all([...early, ...late]);
      expect(['done', 'BACKSTORY_STORE_CLOSED']).toEqual(expect.arrayContaining(told));
      const again = await started({ store });
      expect(await eventsOf(again)).toHaveLength(told.filter((it) => it === 'done').length);
    },
  );
});

describe('scopes', () => {
  it('one app and one repository for all, a handler for each request or for all as it was bound', async () => {
    const { container } = await loaded();
    const Pair = Symbol('two handlers of one request');
    container.bind(Pair).toResolvedValue((...pair: Deposit[]) => pair, [Deposit, Deposit]);
    const inTwoRequests = () => [container.get<Deposit[]>(Pair), container.get<Deposit[]>(Pair)].flat();
    for (const [scope, handlers] of [
      ['inTransientScope', 4],
      ['inRequestScope', 2],
      ['inSingletonScope', 1],
    ] as const) {
      if (container.isBound(Deposit)) container.unbindSync(Deposit);
      container.bind(Deposit).toSelf()[scope]();
      expect(new Set(inTwoRequests()).size).toBe(handlers);
      expect(new Set(inTwoRequests().map((it) => it.accounts)).size).toBe(1);
    }
  });

  it("a child container, one a request, has its parent's app", async () => {
    const { app, container } = await loaded();
    const child = new Container({ parent: container });
    const User = Symbol('User');
    child.bind(User).toConstantValue('ann');
    child.bind(Report).toSelf();
    child.bind(Deposit).toSelf();
    expect(child.get(Report).app).toBe(app);
    expect(child.get(Deposit).accounts).toBe(app.repository(Account));
    expect(container.isBound(User)).toBe(false);
  });

  it.each(['inSingletonScope', 'inTransientScope'] as const)(
    'a hundred interleaved requests keep their correlation through handlers %s',
    async (scope) => {
      @injectable()
      class Transfer {
        constructor(@inject(Deposit) private readonly deposits: Deposit) {}
        async handle(id: string) {
          await this.deposits.handle(`${id}a`, 1);
          await new Promise((resolve) => setImmediate(resolve));
          await this.deposits.handle(`${id}b`, 1);
        }
      }
      const { app, container } = await loaded({ store: sqlite(files.newFile()) });
      await container.load(
        new ContainerModule(({ bind }) => {
          bind(Deposit).toSelf()[scope]();
          bind(Transfer).toSelf()[scope]();
        }),
      );
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          Context.of({ correlationId: `request ${i}`, actor: `user ${i}` }).run(() =>
            container.get(Transfer).handle(`${i}`),
          ),
        ),
      );
      const told = (await eventsOf(app)).map(({ stream, metadata: { correlationId, actor } }) =>
        [stream, correlationId, actor].join(),
      );
      const expected = Array.from({ length: 100 }, (_, i) =>
        ['a', 'b'].map((it) => `account-${i}${it},request ${i},user ${i}`),
      ).flat();
      expect(told.sort()).toEqual(expected.sort());
    },
  );
});
