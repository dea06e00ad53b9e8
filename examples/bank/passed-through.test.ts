import { defineBackstory, memory, type App } from 'backstory';
import { Account } from './backstory.config';
import { CaseOpened, Verified, cases, passedThrough } from './passed-through';

let app: App;
beforeEach(async () => {
  app = await defineBackstory({
    name: 'bank',
    store: memory(),
    aggregates: [Account],
    events: [Verified, CaseOpened],
    projections: [passedThrough],
    subscribers: [cases],
  }).start();
});
afterEach(() => app.close());

const change = async (id: string, work: (account: Account) => void) =>
  app.repository(Account).update(id, work, { create: true });
const opened = async () => {
  await app.handled('cases', (await app.events.identity()).head);
  const found: string[] = [];
  for await (const page of app.events.readAll({ categories: ['case'] }))
    found.push(
      ...page.events.map(({ stream, data }) => `${stream} ${(JSON.parse(data) as CaseOpened).came}`),
    );
  return found;
};

test('money that comes and goes at once opens a case, unless somebody was asked in between', async () => {
  for (const id of ['1', '2', '3', '4'])
    await change(id, (account) => account.deposit(id === '3' ? 900 : 5_000));
  await app.record('verification-2', [new Verified()]);
  for (const id of ['1', '2', '3']) await change(id, (account) => account.withdraw(id === '3' ? 900 : 4_600));
  await change('4', (account) => account.withdraw(400));
  expect(await opened()).toEqual(['case-1 5000']);
});

test('a case is opened once, also when the subscription begins anew and after a rebuild', async () => {
  await change('1', (account) => account.deposit(5_000));
  await change('1', (account) => account.withdraw(5_000));
  expect(await opened()).toEqual(['case-1 5000']);
  await app.projections.fill('passed-through');
  expect((await app.projections.verify('passed-through')).isEqual).toBe(true);
  await app.projections.swap('passed-through', { actor: 'ann' });
  await app.subscriptions.reset('cases', 'beginning', { actor: 'ann' });
  expect(await opened()).toEqual(['case-1 5000']);
});
