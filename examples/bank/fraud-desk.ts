import { EventHandler, defineBackstory, sqlite, type RecordedEvent, type Repository } from 'backstory';
import { Subscriber, type Delivery } from 'backstory/subscriptions';
import { Account, Withdrawn } from './backstory.config';

/** Looks at every large withdrawal, and keeps a case where it took nearly all there was. */
@Subscriber('fraud')
export class FraudDesk {
  constructor(private readonly accounts: Repository<Account>) {}

  @EventHandler(Withdrawn, {
    retry: { attempts: 5 },
    timeoutMs: 2_000,
    when: ({ data }) => data.amount >= 1_000,
  })
  async check(event: Withdrawn, recorded: RecordedEvent<Withdrawn>, { once }: Delivery) {
    const id = recorded.stream.replace('account-', '');
    const { balance } = await this.accounts.load(id, { atVersion: recorded.version });
    if (balance * 9 > event.amount) return;
    await once(recorded, (tx) =>
      tx.put('fraud.cases', recorded.id, `${id}: ${event.amount}, ${balance} left`),
    );
  }
}

export default defineBackstory({
  name: 'bank',
  store: sqlite('bank.db'),
  aggregates: [Account],
  subscribers: [(app) => new FraudDesk(app.repository(Account))],
});
