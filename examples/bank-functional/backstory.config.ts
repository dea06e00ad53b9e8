import { DomainEvent, decider, defineBackstory, sqlite } from 'backstory';

@DomainEvent('account.deposited') export class Deposited { constructor(readonly amount: number) {} }
@DomainEvent('account.withdrawn') export class Withdrawn { constructor(readonly amount: number) {} }

export const Account = decider('account', {
  initial: { balance: 0 }, events: { Deposited, Withdrawn },
  decide: {
    deposit: (_, amount: number) => new Deposited(amount),
    withdraw({ balance }, amount: number) {
      if (amount > balance) throw new Error(`Only ${balance} left.`);
      return new Withdrawn(amount);
    },
  },
  evolve: {
    Deposited: ({ balance }, { amount }) => ({ balance: balance + amount }),
    Withdrawn: ({ balance }, { amount }) => ({ balance: balance - amount }),
  },
});
export default defineBackstory({ name: 'bank', store: sqlite('bank.db'), aggregates: [Account] });
