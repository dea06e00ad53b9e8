import { Context, defineBackstory, follow, memory } from 'backstory';
import { diff, history, trace } from '@backstory/replay';
import bank, { Account } from '../examples/bank/backstory.config';

// The code of docs/tour.md, in its order.
test('the walk from a command to a replay', async () => {
  const app = await defineBackstory({ name: bank.name, store: memory(), aggregates: [Account] }).start();
  const accounts = app.repository(Account);

  // 1 A command decides, and an aggregate says what has happened.
  await Context.of({ actor: 'ann', correlationId: 'request-7' }).run(async () => {
    await accounts.update('42', (account) => account.deposit(100), { create: true, command: 'deposit' });
    await accounts.update('42', (account) => account.withdraw(30), { commandId: 'atm-1' });
  });

  // 2 The same command again is recognised by its id: it does not run, and records nothing.
  const again = await accounts.update('42', (account) => account.withdraw(30), { commandId: 'atm-1' });

  // 3 State is a fold of events, so any moment can be had.
  const now = await accounts.load('42');
  const before = await accounts.load('42', { atVersion: 1 });

  // 4 The log is one order that everybody can follow.
  const seen: string[] = [];
  const stop = new AbortController();
  for await (const page of follow(app.events, { signal: stop.signal })) {
    for (const event of page.events) seen.push(`${event.position} ${event.stream} ${event.type}`);
    if (seen.length === 2) stop.abort();
  }

  // 5 And because it is complete, it can be asked.
  const { changes } = await diff(app, 'account-42', { from: 1, to: 2 });
  const steps = [];
  for await (const { event, changes } of history(app, 'account-42'))
    steps.push([event.version, event.metadata.actor, changes]);
  const flow = await trace(app.events, 'request-7');

  expect(again).toMatchObject({ repeated: true, version: 2 });
  expect([before.balance, now.balance]).toEqual([100, 70]);
  expect(seen).toEqual(['1 account-42 account.deposited', '2 account-42 account.withdrawn']);
  expect(changes).toEqual([{ path: 'balance', before: 100, after: 70 }]);
  expect(steps).toEqual([
    [1, 'ann', [{ path: 'balance', before: 0, after: 100 }]],
    [2, 'ann', [{ path: 'balance', before: 100, after: 70 }]],
  ]);
  expect(flow.roots.map(({ event }) => event.type)).toEqual(['account.deposited', 'account.withdrawn']);
  await app.close();
});
