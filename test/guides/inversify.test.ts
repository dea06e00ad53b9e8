import { Context, defineBackstory, memory, sqlite, type Repository } from 'backstory';
import { bindBackstory, repositoryOf } from '@backstory/inversify';
import { Container, ContainerModule, inject, injectable } from 'inversify';
import { Account } from '../../examples/bank/backstory.config';
import { sqliteFiles } from '../support/sqlite-files';

// The code of packages/inversify/README.md and docs/guides/inversify.md.
@injectable()
export class TransferMoney {
  constructor(@inject(repositoryOf(Account)) private readonly accounts: Repository<Account>) {}

  async transfer(from: string, to: string, amount: number) {
    await this.accounts.update(from, (account) => account.withdraw(amount));
    await this.accounts.update(to, (account) => account.deposit(amount), { create: true });
  }
}

const files = sqliteFiles();

test('a service starts its app, serves requests from a container, and ends in the other order', async () => {
  const bank = defineBackstory({ name: 'bank', store: sqlite(files.newFile()), aggregates: [Account] });
  const request = { id: 'request-7', user: 'ann' };
  await bank.run((it) =>
    it.repository(Account).update('1', (account) => account.deposit(80), { create: true }),
  );

  const app = await bank.start();
  const container = new Container();
  await container.load(new ContainerModule((module) => bindBackstory(module, app)));
  container.bind(TransferMoney).toSelf().inSingletonScope();

  await Context.of({ correlationId: request.id, actor: request.user }).run(() =>
    container.get(TransferMoney).transfer('1', '2', 50),
  );

  await container.unbindAll();
  await app.close();

  await bank.run(async (it) => {
    expect(await it.repository(Account).load('2')).toMatchObject({ balance: 50 });
    for await (const { events } of it.events.readAll({ correlationIds: ['request-7'] }))
      expect(events.map((event) => event.stream)).toEqual(['account-1', 'account-2']);
  });
});

test('money that is not there is not transferred', async () => {
  await defineBackstory({ name: 'bank', store: memory(), aggregates: [Account] }).run(async (app) => {
    const accounts = app.repository(Account);
    const handler = new TransferMoney(accounts);
    await accounts.update('1', (account) => account.deposit(20), { create: true });
    await expect(handler.transfer('1', '2', 50)).rejects.toThrow('Only 20 left.');
    expect(await accounts.find('2')).toBeUndefined();
  });
});
