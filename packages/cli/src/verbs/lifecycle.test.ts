import { defineBackstory, memory, type App, type Storage } from 'backstory';
import { eventually } from '../../../../test/support/eventually.js';
import { Deposited } from '../../../../test/support/bank-events.js';
import { runCli, runJson } from '../../../../test/support/run-cli.js';
import { watching } from '../../../../test/support/subscribing.js';

const failures = new Map<number, number>();
const check = (amount: number) => {
  const left = failures.get(amount) ?? 0;
  failures.set(amount, left - 1);
  if (left > 0) throw new Error('unlucky');
};
const definition = (store: Storage) =>
  defineBackstory({
    name: 'bank',
    store,
    events: [Deposited],
    subscribers: [
      watching('fraud', ({ amount }) => check(amount), {
        outcomes: 'all',
        retry: { attempts: 2, delayMs: 1 },
      }),
      watching('letters', () => undefined, {}),
    ],
  });

let store: Storage;
let bank: ReturnType<typeof definition>;
let app: App;
beforeEach(async () => {
  failures.clear();
  store = memory();
  bank = definition(store);
  app = await bank.start();
});
afterEach(() => app.close());

async function recorded(amount: number, failing = 0): Promise<string> {
  failures.set(amount, failing);
  const { ids } = await app.record('account-1', [new Deposited(amount)]);
  return ids[0]!;
}
const stepsOf = async (id: string) => {
  const { steps } = await app.subscriptions.lifecycle(id);
  return steps.map(({ step, subscription, attempts }) =>
    [step, subscription, attempts].filter((it) => it !== undefined).join(' '),
  );
};
const STORED = ['created', 'stored', 'published'];

test('what was handled at once was created, stored, published, handled and completed, with how long each took', async () => {
  const id = await recorded(5);
  for (const name of ['fraud', 'letters']) await app.handled(name, id);
  expect(await stepsOf(id)).toEqual([
    ...STORED,
    ...['handling fraud 1', 'completed fraud', 'completed letters'],
  ]);
  const { event, steps } = await app.subscriptions.lifecycle(id);
  expect([event.id, event.type]).toEqual([id, 'account.deposited']);
  expect(steps.find(({ step }) => step === 'stored')!.durationMs).toBeGreaterThanOrEqual(0);
  const [, , , handling, completed, unkept] = steps;
  expect(completed).toMatchObject({ at: expect.any(String), durationMs: expect.any(Number) });
  expect(Date.parse(completed!.at!)).toBeGreaterThanOrEqual(Date.parse(handling!.at!));
  // Of this one no outcomes are kept: that it is done is all that is known.
  expect(unkept).toEqual({ step: 'completed', subscription: 'letters' });
});

test('what was retried, what is parked, and what waits behind it say so', async () => {
  const retried = await recorded(5, 1);
  await app.handled('fraud', retried);
  const dead = await recorded(13, 9);
  await eventually(async () => (await app.subscriptions.status('fraud')).parked.dead === 1);
  const behind = await recorded(6);
  await app.handled('letters', behind);
  const fraud = async (id: string) => (await stepsOf(id)).filter((it) => it.includes('fraud'));
  expect(await fraud(retried)).toEqual(['retried fraud 1', 'handling fraud 2', 'completed fraud']);
  expect(await fraud(dead)).toEqual([
    ...['retried fraud 1', 'handling fraud 2', 'failed fraud', 'parked fraud 2'],
  ]);
  const { steps } = await app.subscriptions.lifecycle(behind);
  expect(steps.find(({ step }) => step === 'waiting')).toEqual({
    ...{ step: 'waiting', subscription: 'fraud' },
    reason: `behind event ${dead} of account-1`,
  });
  await app.subscriptions.discard('fraud', { key: 'account-1' }, { actor: 'ann' });
  await eventually(async () => (await fraud(behind)).includes('left-out fraud'));
  expect(await fraud(dead)).toContain('left-out fraud');
});

test('what lies before where a subscription began, or was reset to, was passed and not completed', async () => {
  const [early, ahead] = [await recorded(1), await recorded(2)];
  for (const name of ['fraud', 'letters']) await app.handled(name, ahead);
  const later = defineBackstory({
    ...{ name: 'later', store, events: [Deposited] },
    subscribers: [watching('late', () => undefined, { from: 'now' })],
  });
  const other = await later.start();
  const next = await recorded(3);
  await other.handled('late', next);
  await other.handled('late', early);
  await other.close();
  const of = async (name: string, id: string) => {
    const { steps } = await app.subscriptions.lifecycle(id);
    return steps.filter(({ subscription }) => subscription === name);
  };
  const { position } = (await app.subscriptions.lifecycle(ahead)).event;
  const reason = expect.stringMatching(/^before it began at position \d+$/);
  const passed = { step: 'passed', subscription: 'late', reason };
  expect(await of('late', early)).toEqual([passed]);
  expect(await of('late', ahead)).toEqual([passed]);
  expect(await of('late', next)).toEqual([{ step: 'completed', subscription: 'late' }]);
  await app.subscriptions.reset('letters', position);
  await app.subscriptions.reset('fraud', position);
  await app.handled('letters', next);
  expect(await of('letters', early)).toEqual([
    { step: 'passed', subscription: 'letters', reason: `before it was reset to position ${position}` },
  ]);
  expect(await of('letters', next)).toEqual([{ step: 'completed', subscription: 'letters' }]);
  // What is kept of it says more.
  expect((await of('fraud', early)).map(({ step }) => step)).toEqual(['handling', 'completed']);
});

test('the command shows it, and an event that is not there is a finding', async () => {
  const id = await recorded(13, 9);
  await eventually(async () => (await app.subscriptions.status('fraud')).parked.dead === 1);
  await app.handled('letters', id);
  const { stdout } = await runCli(['lifecycle', id], { definition: bank });
  const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
  expect(rows[0]).toEqual(['account.deposited', 'account-1 v1', expect.stringMatching(/^#\d+$/)]);
  expect(rows.slice(3, -1).map(([step]) => step)).toEqual([
    ...STORED,
    ...['retried', 'handling', 'failed', 'parked', 'completed'],
  ]);
  expect(stdout).toMatch(/failed .* poison: unlucky/);
  const found = await runJson(['lifecycle', id], { definition: bank });
  expect([found.exitCode, found.envelope.verb]).toEqual([0, 'lifecycle']);
  expect(found.envelope.data).toMatchObject({ event: { id }, steps: expect.any(Array) });
  const missing = await runJson(['lifecycle', '019aa2f0-7b1c-7d3e-9a52-0c1f6f3b2d11'], { definition: bank });
  expect(missing.exitCode).toBe(1);
});
