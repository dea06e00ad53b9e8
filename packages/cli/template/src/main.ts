import application from '../backstory.config';
import { Account } from './account';

void application.run(async (app) => {
  const accounts = app.repository(Account);
  const { aggregate, version } = await accounts.update(
    '42',
    (account) => {
      account.deposit(100);
      account.withdraw(30);
    },
    { create: true },
  );
  console.log(`account-42 is at version ${version} and has a balance of ${aggregate.balance}.`);
});
