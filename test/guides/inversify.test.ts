import { Context, defineBackstory, memory, sqlite, type Repository } from 'backstory';
import { bindBackstory, repositoryOf } from '@backstory/inversify';
import { Container, ContainerModule, inject, injectable } from 'inversify';
import { Account } from '../../examples/bank/backstory.config';
import { sqliteFiles } from '../support/sqlite-files';

// The code of packages/inversify/README.md and docs/guides/inversify.md.
@injectable()
export class PayIn {
  constructor(@inject(repositoryOf(Account)) private readonly accounts: Repository<Account>) {}

  async handle(account: string, amount: number, commandId: string) {
    const options = { create: true, command: 'Pay in', commandId };
    await this.accounts.update(account, (it) => it.deposit(amount), options);
  }
}

const files = sqliteFiles();

test('a service starts its app, serves requests from a container, and ends in the other order', async () => {
  const bank = defineBackstory({ name: 'bank', store: sqlite(files.newFile()), aggregates: [Account] });
  const request = { id: 'request-7', user: 'ann', body: { account: '42', amount: 50 } };

  const app = await bank.start();
  const container = new Container();
  await container.load(new ContainerModule((module) => bindBackstory(module, app)));
  container.bind(PayIn).toSelf().inSingletonScope();

  const { account, amount } = request.body;
  await Context.of({ correlationId: request.id, actor: request.user }).run(() =>
    container.get(PayIn).handle(account, amount, request.id),
  );

  await container.unbindAll();
  await app.close();

  await bank.run(async (it) => {
    for await (const { events } of it.events.readAll())
      expect(events.map(({ metadata }) => JSON.parse(metadata))).toEqual([
        expect.objectContaining({ correlationId: 'request-7', actor: 'ann', command: 'Pay in' }),
      ]);
  });
});

test('a payment that is sent twice is paid in once', async () => {
  await defineBackstory({ name: 'bank', store: memory(), aggregates: [Account] }).run(async (app) => {
    const accounts = app.repository(Account);
    const handler = new PayIn(accounts);
    await handler.handle('42', 50, 'request-7');
    await handler.handle('42', 50, 'request-7');
    expect(await accounts.load('42')).toMatchObject({ balance: 50 });
  });
});
