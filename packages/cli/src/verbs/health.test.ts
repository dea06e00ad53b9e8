import { defineBackstory, memory, type App } from 'backstory';
import { projection } from 'backstory/projection';
import { Deposited } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { runCli, runJson } from '../../../../test/support/run-cli.js';
import { watching } from '../../../../test/support/subscribing.js';

let bank: ReturnType<typeof definition>;
let app: App;
const definition = () =>
  defineBackstory({
    name: 'bank',
    store: memory(),
    events: [Deposited],
    subscribers: [
      watching('fraud', ({ amount }) => {
        if (amount === 13) throw new Error('unlucky');
      }),
    ],
  });
beforeEach(async () => {
  bank = definition();
  app = await bank.start();
});
afterEach(() => app.close());

test('health says how every part is, and ends with 1 only where something does not work', async () => {
  const { ids } = await app.record('account-1', [new Deposited(5)]);
  await app.handled('fraud', ids[0]!);
  const well = await runCli(['health'], { definition: bank });
  expect([well.exitCode, well.stdout]).toEqual([
    0,
    'part                status  why\nstore               ok\nsubscription fraud  ok\n\nok\n',
  ]);
  await app.subscriptions.pause('fraud', { actor: 'ann', reason: 'provider down' });
  const degraded = await runJson(['health'], { definition: bank });
  expect(degraded.exitCode).toBe(0);
  expect(degraded.envelope.data).toMatchObject({ status: 'degraded', collectedAt: expect.any(String) });
  expect((await runJson(['health', '--strict'], { definition: bank })).exitCode).toBe(1);
});

test('what waits while nobody is there to handle it has failed, and the limits can be set', async () => {
  await app.close();
  const idle = await bank.start({ subscriptions: false });
  await idle.record('account-1', [new Deposited(5)]);
  const { exitCode, envelope } = await runJson(['health'], { definition: bank });
  const { status, checks } = envelope.data;
  expect([exitCode, status]).toEqual([1, 'failed']);
  expect(checks[1]).toMatchObject({
    status: 'failed',
    why: expect.stringMatching(/^no process runs it, and/),
  });
  await idle.close();
  const refused = await runJson(['health', '--lag-seconds', 'x'], { definition: bank });
  expect(refused.exitCode).toBe(2);
});

/** A bank with a projection, `totals`. */
function bankWithTotals(target: 'state' | 'memory') {
  const totals = projection('totals', {
    version: 1,
    target,
    initial: { amount: 0 },
    events: { Deposited },
    fold: { Deposited: (document, { amount }) => ({ amount: document.amount + amount }) },
  });
  return defineBackstory({ name: 'bank', store: memory(), events: [Deposited], projections: [totals] });
}

test('a projection that was declared and never started is known, and so is that nobody runs it', async () => {
  const declared = bankWithTotals('state');
  const idle = await declared.start({ projections: false });
  const asked = () => runJson(['health'], { definition: declared });
  expect((await asked()).envelope.data.checks[1]).toEqual({
    ...{ name: 'projection totals', status: 'degraded', why: 'no process runs it' },
  });
  await idle.record('account-1', [new Deposited(5)]);
  const { exitCode, envelope } = await asked();
  expect([exitCode, envelope.data.checks[1].status]).toEqual([1, 'failed']);
  const { stdout } = await runCli(['monitor', '--once'], { definition: declared });
  expect(stdout).toContain('projection totals');
  await idle.close();
});

test('a projection in memory is in the processes that run it alone, and no alarm from outside', async () => {
  const declared = bankWithTotals('memory');
  const running = await declared.start();
  await running.record('account-1', [new Deposited(5)]);
  const { exitCode, envelope } = await runJson(['health'], { definition: declared });
  expect([exitCode, envelope.data]).toMatchObject([0, { status: 'ok', checks: [{ name: 'store' }] }]);
  const { stdout } = await runCli(['monitor', '--once'], { definition: declared });
  expect(stdout).not.toContain('projection totals');
  await running.close();
});

test('without a store there is nothing to look at', async () => {
  expect((await runJson(['health', '--store', 'sqlite:nowhere.db'])).exitCode).toBe(3);
});

test('monitor shows the log, every consumer, and what is not well', async () => {
  await app.record('account-1', [new Deposited(13)]);
  await eventually(async () => (await app.subscriptions.status('fraud')).parked.dead === 1);
  const { stdout } = await runCli(['monitor', '--once'], { definition: bank });
  const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
  expect(rows[0]!.slice(0, 2)).toEqual(['bank', 'degraded']);
  expect(rows[1]).toEqual(['log', expect.stringMatching(/^position \d+, \d+ in the last hour, \d+ today$/)]);
  expect(rows[3]).toEqual(['consumer', 'state', 'position', '/s', 'lag', 'retry', 'dead', 'held', 'run by']);
  expect(rows[4]).toEqual(expect.arrayContaining(['subscription fraud', '1']));
  expect(rows[6]).toEqual(['degraded', 'subscription fraud', '1 key is dead']);
});

test('monitor goes on until it is interrupted, and knows from then on how fast everything is', async () => {
  const interrupt = new AbortController();
  const { Collected } = await import('../../../../test/support/run-cli.js');
  const stdout = new Collected((text) => {
    if (text.split('\n').length > 2) interrupt.abort();
  });
  const io = { definition: bank, stdout, signal: interrupt.signal };
  await runCli(['monitor', '--every', '1', '--json'], io);
  const [first, second] = stdout.text.split('\n').map((line) => line && JSON.parse(line));
  expect(first.data.log).not.toHaveProperty('rate');
  expect(second.data.log.rate).toBeGreaterThanOrEqual(0);
  expect(second.data.consumers[0]).toMatchObject({ kind: 'subscription', name: 'fraud', dead: 0 });
});
