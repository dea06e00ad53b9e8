import { EventHandler, defineBackstory, sqlite } from 'backstory';
import { Projection } from 'backstory/projection';
import { Account, Deposited, Withdrawn } from './backstory.config';

/** What every account has, to be found by what it has. One document an account, called like its stream. */
@Projection('balances', { version: 1, indexes: ['balance'] })
export class Balances {
  balance = 0;
  movements = 0;

  @EventHandler(Deposited) deposited({ amount }: Deposited): void {
    this.balance += amount;
    this.movements++;
  }

  @EventHandler(Withdrawn) withdrawn({ amount }: Withdrawn): void {
    this.balance -= amount;
    this.movements++;
  }
}

export default defineBackstory({
  name: 'bank',
  store: sqlite('bank.db'),
  aggregates: [Account],
  projections: [Balances],
});
