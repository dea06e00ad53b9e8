import bank, { Account } from './backstory.config';
void bank.run((app) => app.repository(Account).update('42', (account) => account.deposit(100), { create: true }));
