import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { sqlite } from '@backstory/sqlite';
import { defineBackstory, memory, type App } from 'backstory';
import { projection } from 'backstory/projection';
import { reaction, subscriber } from 'backstory/subscriptions';
import { behindItsBack } from '../../../../test/support/behind-its-back.js';
import { Deposited } from '../../../../test/support/bank-events.js';
import { Terminal, runCli, runJson } from '../../../../test/support/run-cli';
import { subscriptionFault } from '../subscription-fault.js';
import { fillShop, shopOn, type Shop } from '../../../../test/support/shop';

let cwd: string;
let definition: Shop;
const here = (name: string) => path.join(cwd, name);
const digest = () =>
  createHash('sha256')
    .update(fs.readFileSync(here('shop.db')))
    .digest('hex');

beforeEach(async () => {
  cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cli-verify-'));
  definition = shopOn(sqlite(here('shop.db'), { driver: 'libsql' }));
  await definition.run(fillShop);
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

const alter = (sql: string) => behindItsBack(here('shop.db'), sql);

test('a log that is as it should be ends with exit code 0, says what was not looked at, and stays as it is', async () => {
  const before = digest();
  const { exitCode, stdout, stderr } = await runCli(['verify'], { cwd, definition });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toBe('Nothing is wrong with 6 events, 3 streams, 0 snapshots.\n');
  expect(digest()).toBe(before);
});

test('what is wrong is named, with what to do, and ends with exit code 1', async () => {
  alter(`DELETE FROM events WHERE position = 2; UPDATE events SET type = 'Noted' WHERE position = 6`);
  const { exitCode, stdout } = await runCli(['verify'], { cwd, definition });
  expect(exitCode).toBe(1);
  expect(stdout).toContain('3 things are not as they should be, in 5 events, 3 streams, 0 snapshots:');
  expect(stdout).toMatch(
    /version-gap {2}cart-1\n {4}version 3 follows version 1\n {4}cart-1 v3 {2}position 3 {2}[0-9a-f-]{36}\n {4}Events were taken out/,
  );
  expect(stdout).toMatch(/type-name {2}Noted\n/);
  // A file is opened with one driver; what was altered may stand in the log beside it.
  for (const file of fs.readdirSync(cwd).filter((it) => it.startsWith('shop.db') && !it.endsWith('-shm')))
    fs.copyFileSync(here(file), here(file.replace('shop', 'copy')));
  const withCode = ['verify', '--store', 'sqlite:copy.db', '--config', 'shop.config.ts'];
  const known = await runJson(withCode, { cwd, definition });
  expect(known.envelope.data).toMatchObject({ events: 5, streams: 3, snapshots: 0, notChecked: [] });
  const { envelope, exitCode: code } = await runJson(['verify', '--store', 'sqlite:copy.db'], { cwd });
  expect(code).toBe(1);
  expect(envelope.data).toMatchObject({
    head: 6,
    events: 5,
    streams: 3,
    snapshots: null,
    findings: [
      {
        kind: 'type-name',
        subject: 'Noted',
        count: 1,
        examples: [{ stream: 'cart-2', version: 1, position: 6 }],
      },
      { kind: 'version-gap', subject: 'cart-1' },
    ],
  });
});

test.each([
  ['that is well', {}, undefined],
  ['that retries', { parked: { dead: 0, retrying: 2, draining: 0 } }, undefined],
  ['with dead keys', { parked: { dead: 2, retrying: 0, draining: 0 } }, /^2 keys are dead/],
  [
    'that no process can run',
    { state: 'faulted', reason: 'LogDiverged' },
    /^no process can run it: LogDiverged/,
  ],
  ['that is ahead of the log', { position: 11, state: 'faulted' }, /at position 11, and the log ends at 10/],
] as const)('of a subscription %s the gravest is told', (_, status, what) => {
  const well = {
    name: 's',
    state: 'live',
    position: 10,
    head: 10,
    parked: { dead: 0, retrying: 0, draining: 0 },
  } as const;
  const fault = subscriptionFault({ ...well, ...status });
  if (what === undefined) expect(fault).toBeUndefined();
  else expect(fault).toEqual({ what: expect.stringMatching(what), todo: expect.stringContaining(' s') });
});

test('Ctrl-C ends it, and says how to go on', async () => {
  const stderr = new Terminal();
  const io = { cwd, definition, signal: AbortSignal.abort(), stderr };
  expect((await runCli(['verify', '--after', '2'], io)).exitCode).toBe(130);
  expect(stderr.text).toContain('--after 2 goes on');
});

test('a store that is not there ends with exit code 3, and --after what with 2', async () => {
  expect((await runCli(['verify', '--store', 'sqlite:none.db'], { cwd })).exitCode).toBe(3);
  expect((await runCli(['verify', '--after', 'noon'], { cwd, definition })).exitCode).toBe(2);
});

test('an event that a subscription has passed without an outcome is a finding, and where none are kept that is said', async () => {
  const fraud = (outcomes: 'all' | 'none') =>
    subscriber({ name: 'fraud', outcomes, checkpointMs: 30, on: [reaction(Deposited, () => undefined)] });
  const store = memory();
  const bank = (outcomes: 'all' | 'none') =>
    defineBackstory({ name: 'bank', store, events: [Deposited], subscribers: [fraud(outcomes)] });
  const deposit = (app: App, amount: number) => app.record('account-1', [new Deposited(amount)]);
  await bank('all').run(async (app) => {
    await deposit(app, 5);
    await app.handled('fraud', (await app.events.identity()).head);
  });
  const { state } = await store.open();
  const outcomes = 'backstory.subscriptions/fraud/outcomes';
  const [kept] = await state.read((view) => view.list(outcomes));
  await state.transaction([], (tx) => tx.delete(outcomes, kept!.key));
  const { exitCode, envelope } = await runJson(['verify'], { definition: bank('all') });
  expect(exitCode).toBe(1);
  expect(envelope.data).toMatchObject({
    findings: [
      { kind: 'no-outcome', subject: 'fraud', count: 1, examples: [{ stream: 'account-1', version: 1 }] },
    ],
  });
  await bank('none').run(async (app) => {
    await deposit(app, 6);
    await app.handled('fraud', (await app.events.identity()).head);
  });
  const { stdout } = await runCli(['verify'], { definition: bank('none') });
  expect(stdout).toContain(
    'not looked at: whether fraud has passed events by; it does not keep all outcomes.',
  );
});

test('documents that the log does not give, by code that changed without a new version, are a finding', async () => {
  const balances = (fee: number) =>
    projection('balances', {
      version: 1,
      initial: { balance: 0 },
      events: { Deposited },
      fold: { Deposited: ({ balance }, { amount }) => ({ balance: balance + amount - fee }) },
    });
  const bank = (fee: number, store = memory()) =>
    defineBackstory({ name: 'bank', store, events: [Deposited], projections: [balances(fee)] });
  const before = bank(0);
  await before.run(async (app) => {
    await app.record('account-1', [new Deposited(5)]);
    await app.caughtUp('balances', (await app.events.identity()).head);
  });
  const well = await runJson(['verify'], { definition: before });
  expect([well.exitCode, well.envelope.data]).toEqual([0, expect.objectContaining({ findings: [] })]);
  const stranger = defineBackstory({ name: 'bank', store: before.store, events: [Deposited] });
  const unknown = await runCli(['verify'], { definition: stranger });
  expect(unknown.stdout).toMatch(/not looked at: the projection balances against the log; .*[^.]\.\n$/);
  const { exitCode, envelope } = await runJson(['verify'], { definition: bank(1, before.store) });
  expect(exitCode).toBe(1);
  expect(envelope.data).toMatchObject({
    findings: [
      {
        kind: 'projection',
        subject: 'balances',
        what: '1 of 1 documents is not what the log gives up to position 1; the first is account-1, balance: 5, by the log 4',
        todo: expect.stringMatching(
          /"backstory audit verify" first .*, and change nothing if .* Otherwise "backstory projections rebuild balances"/,
        ),
      },
    ],
  });
  const { stdout } = await runCli(['verify'], { definition: bank(1, before.store) });
  expect(stdout).toContain('1 thing is not as it should be, in 1 event');
});
