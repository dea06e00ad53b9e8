import fs from 'node:fs/promises';
import path from 'node:path';
import { defineBackstory, memory } from 'backstory';
import { given } from '@backstory/testing';
import { settled } from '../../test/docs/blocks';
import { runCli } from '../../test/support/run-cli';
import { Account as ClassAccount } from '../bank/backstory.config';
import bank, { Account, Deposited, Withdrawn } from './backstory.config';

/** Both forms of the account offer the same commands; their event classes are of the same names. */
type Form = new () => InstanceType<typeof ClassAccount> | InstanceType<typeof Account>;

/** Pays in, pays out, and is refused; gives what the log and the command line say of it afterwards. */
async function live(form: Form, questions: readonly string[]) {
  const store = memory();
  const definition = defineBackstory({ name: 'bank', store, aggregates: [form] });
  const app = await definition.start();
  const accounts = app.repository(form);
  await accounts.update('42', (account) => account.deposit(100), { create: true, command: 'deposit' });
  await accounts.update('42', (account) => account.withdraw(30));
  const refusal = await accounts.update('42', (account) => account.withdraw(71)).catch(String);
  const missing: unknown = await accounts.update('43', (account) => account.deposit(1)).catch(String);
  const version = (await accounts.load('42', { atVersion: 1 })).version;

  const log: unknown[] = [];
  for await (const { events } of app.events.readStream('account-42')) {
    for (const { type, schemaVersion, data, version, metadata } of events) {
      const { command, source } = JSON.parse(metadata) as Record<string, unknown>;
      log.push({ type, schemaVersion, data, version, command, source });
    }
  }
  const answers: unknown[] = [];
  for (const question of questions) {
    const { exitCode, stdout } = await runCli(question.split(' '), { definition });
    answers.push({ question, exitCode, stdout: settled(stdout) });
  }
  await app.close();
  return { refusal, missing: String(missing).toLowerCase(), version, log, answers };
}

describe('the bank as functions', () => {
  test('behaves, records and explains itself like the bank as a class', async () => {
    const questions = [
      'state account-42',
      'state account-42 --at-version 0',
      'diff account-42 0 2',
      'replay account-42',
      'replay account-42 --json',
      'events account-42',
      'stats',
    ];
    const asFunctions = await live(Account, questions);
    expect(asFunctions).toEqual(await live(ClassAccount, questions));
    expect(asFunctions.refusal).toContain('Only 70 left.');
    expect(asFunctions.answers[0]).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('"balance": 70') as string,
    });
  });

  test('is tested with the same words', () => {
    given(Account, [new Deposited(100)])
      .when((account) => account.withdraw(30))
      .expect({ events: [new Withdrawn(30)], state: { balance: 70 } });
  });

  test('is at most 20 lines, program included, as the README promises', async () => {
    const files = ['backstory.config.ts', 'main.ts'].map((file) =>
      fs.readFile(path.join(__dirname, file), 'utf8'),
    );
    const lines = (await Promise.all(files))
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.trim() !== '');
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(bank.aggregates).toEqual([Account]);
  });
});
