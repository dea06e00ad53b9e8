import { DomainEvent, defineBackstory, memory } from 'backstory';
import { Account } from '../../examples/bank/backstory.config';

// The code of packages/backstory/README.md.
@DomainEvent('interest.changed')
class InterestChanged {
  constructor(readonly percent: number) {}
}

const bank = defineBackstory({
  name: 'bank',
  store: memory(),
  aggregates: [Account],
  events: [InterestChanged],
});

test('an application has a repository for each aggregate, and a log that takes other events too', async () => {
  const app = await bank.start();
  const accounts = app.repository(Account);
  const { aggregate } = await accounts.update('42', (account) => account.deposit(100), { create: true });
  await app.record('interest', [new InterestChanged(3)]);
  await app.close();

  expect(aggregate.balance).toBe(100);
  await bank.run(async ({ events }) => expect((await events.identity()).head).toBe(2));
});
