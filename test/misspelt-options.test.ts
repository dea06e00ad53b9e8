import { DomainEvent, defineBackstory, memory, sqlite } from 'backstory';
import { postgres } from '@backstory/postgres';
import { given } from '@backstory/testing';
import { Account, Deposited } from '../examples/bank/backstory.config';

/** As it comes in a variable, or from JavaScript: the compiler lets it pass. */
const misspelt = (options: object) => options as never;
const refused = (option: string) =>
  expect.objectContaining({ code: 'BACKSTORY_INVALID_OPTION', option }) as Error;

test('a misspelt option of what records is refused, and nothing is recorded', async () => {
  await defineBackstory({ name: 'bank', store: memory(), aggregates: [Account] }).run(async (app) => {
    const accounts = app.repository(Account);
    const deposit = (account: Account) => account.deposit(1);
    await expect(accounts.update('42', deposit, misspelt({ create: true, commandID: 'a' }))).rejects.toEqual(
      refused('commandID'),
    );
    const account = accounts.create('42');
    account.deposit(1);
    await expect(accounts.save(account, misspelt({ appendID: 'a' }))).rejects.toEqual(refused('appendID'));
    await expect(app.record('account-42', [new Deposited(1)], misspelt({ expcted: 'none' }))).rejects.toEqual(
      refused('expcted'),
    );
    expect((await app.events.identity()).head).toBe(0);
  });
});

test.each<[string, () => unknown]>([
  ['aggregate', () => defineBackstory(misspelt({ name: 'bank', store: memory(), aggregate: [Account] }))],
  ['readonly', () => sqlite('bank.db', misspelt({ readonly: true }))],
  ['shema', () => postgres('postgres://localhost/bank', misspelt({ shema: 'ledger' }))],
  ['vesion', () => DomainEvent('bank.opened', misspelt({ vesion: 2 }))(class Opened {})],
])('the option %s is none, and refused', (option, define) => {
  expect(define).toThrow(refused(option));
});

test.each([
  ['"event"', { event: [], states: {} }],
  ['an empty object', {}],
])('a test that expects %s expects nothing, and is refused', (what, expected) => {
  const test = given(Account, []).when((account) => account.deposit(1));
  expect(() => test.expect(misspelt(expected))).toThrow(`Nothing is expected by ${what}: give { events`);
});
