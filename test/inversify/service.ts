import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { BACKSTORY, bindBackstory, repositoryOf } from '@backstory/inversify';
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
  type Repository,
} from 'backstory';
import { Container, ContainerModule, inject, injectable, preDestroy } from 'inversify';

// A service of a user, compiled and run by versions.test.ts with each Inversify, as ESM and as CommonJS.
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
@Aggregate('marked')
class Marked extends EventSourcedAggregate {}

@injectable()
class Deposit {
  constructor(
    @inject(repositoryOf(Account)) private readonly accounts: Repository<Account>,
    @inject(BACKSTORY.app) readonly app: App,
  ) {}
  handle(id: string) {
    return this.accounts.update(id, (account) => account.deposit(1), { create: true });
  }
  @preDestroy() async lastWords() {
    await this.handle('destroyed');
  }
}
@injectable()
class Careless {
  constructor(readonly account: Account) {}
}

async function serve(file: string) {
  const bank = defineBackstory({ name: 'bank', store: sqlite(file), aggregates: [Account] });
  const app = await bank.start();
  const container = new Container();
  await container.load(new ContainerModule((module) => bindBackstory(module, app)));
  container.bind(Deposit).toSelf().inSingletonScope();
  const accounts: Repository<Account> = container.get(repositoryOf(Account));
  assert.equal(accounts, app.repository(Account));
  assert.equal(container.get(Deposit).app, app);
  await refusals(container, app);

  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      Context.of({ correlationId: `${i}` }).run(() => container.get(Deposit).handle(`${i}`)),
    ),
  );
  const correlated = new Map<string, unknown>();
  for await (const { events } of app.events.readAll())
    for (const { stream, metadata } of events) {
      const { correlationId } = JSON.parse(metadata) as { correlationId: string };
      correlated.set(stream, correlationId);
    }
  assert.deepEqual(correlated, new Map(Array.from({ length: 100 }, (_, i) => [`account-${i}`, `${i}`])));
  await stop(container);
  assert.equal((await app.repository(Account).load('destroyed')).balance, 1);
  await app.close();
}

async function refusals(container: Container, app: App) {
  const notInjectable = { code: 'BACKSTORY_AGGREGATE_NOT_INJECTABLE' };
  container.bind(Careless).toSelf();
  assert.throws(() => container.get(Careless), notInjectable);
  container.bind(Account).toSelf();
  assert.throws(() => container.get(Careless), notInjectable);
  const child = new Container({ parent: container, autobind: true });
  child.bind(Account).toSelf();
  assert.throws(() => child.get(Account), notInjectable);
  assert.throws(() => bindBackstory(container, app), { code: 'BACKSTORY_APP_ALREADY_BOUND' });
  assert.throws(() => container.get(repositoryOf(Branch)), {
    message: /repositoryOf\(Branch\), bound by bindBackstory/,
  });
  await defineBackstory({ name: 'marked', store: memory(), aggregates: [Marked] }).run(async (it) => {
    assert.throws(() => bindBackstory(new Container(), it), notInjectable);
  });
}

/** Its name is another one in 8, where `unbindAll` is for what has nothing to wait for. */
async function stop(container: Container & { unbindAllAsync?: () => Promise<void> }) {
  await (container.unbindAllAsync ? container.unbindAllAsync() : container.unbindAll());
}

const [, , file = 'bank.db'] = process.argv;
void serve(file).then(() => {
  assert(existsSync(file));
  console.log('unbindAllAsync' in Container.prototype ? 'Inversify 8' : 'Inversify 7');
});
