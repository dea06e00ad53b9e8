import bank, { Account } from './backstory.config';

void bank.run(async (app) => {
  await app.repository(Account).update('42', (account) => account.deposit(100), { create: true });
});
