import { given } from '@backstory/testing';
import { Account, Deposited, Withdrawn } from './account';

test('what was deposited can be withdrawn', () => {
  given(Account, [new Deposited(100)])
    .when((account) => account.withdraw(30))
    .expect({ events: [new Withdrawn(30)], state: { balance: 70 } });
});

test('nobody withdraws more than there is', () => {
  given(Account, [new Deposited(100), new Withdrawn(30)])
    .when((account) => account.withdraw(71))
    .expect(/Only 70 left/);
});
