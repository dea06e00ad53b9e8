import { DomainEvent, EventHandler } from '@backstory/events';
import { Projection } from './projection-decorator.js';
import type { ProjectionModel } from './projection-model.js';
import { modelOf } from './projection-source.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}

@Projection('balances', { version: 1 })
class Balances {
  balance = 0;
  @EventHandler(Deposited) deposited({ amount }: Deposited): void {
    this.balance += amount;
  }
}

it('a projection is declared with the decorators of the standard as well', () => {
  const model = modelOf(Balances) as ProjectionModel;
  expect([model.name, model.events]).toEqual(['balances', ['account.deposited']]);
  const stored = {
    ...{
      id: 'e1',
      stream: 'account-1',
      version: 1,
      position: 1,
      type: 'account.deposited',
      schemaVersion: 1,
    },
    ...{ data: '{"amount":5}', metadata: '{}', recordedAt: new Date(0), appendIndex: 0 },
  };
  const { recorded, keys } = model.foldable(stored);
  expect(keys).toEqual(['account-1']);
  expect(model.fold(undefined, recorded, 'account-1')).toEqual({ balance: 5 });
});
