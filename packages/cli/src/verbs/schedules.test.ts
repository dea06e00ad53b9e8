import { defineBackstory, memory, type App } from 'backstory';
import { Command, CommandHandler } from 'backstory/process';
import { SCHEDULES_STREAM } from '@backstory/process/schedules';
import { Deposited } from '../../../../test/support/bank-events.js';
import { runCli, runJson } from '../../../../test/support/run-cli.js';

@Command('bonus.give')
class GiveBonus {
  constructor(readonly account: string) {}
}

let isRefused = true;
let untilThen: Promise<void> | undefined;
class Bonuses {
  @CommandHandler(GiveBonus) async give({ account }: GiveBonus) {
    await untilThen;
    if (isRefused) throw new Error(`${account} is shut`);
  }
}

const BEGIN = Date.parse('2026-11-20T12:00:00.000Z');
let now: number;
let bank: ReturnType<typeof define>;
let app: App;
const define = () =>
  defineBackstory({
    name: 'bank',
    store: memory(),
    events: [Deposited],
    commands: [Bonuses],
    schedules: { clock: () => now, attempts: 1, timeoutMs: 1_000 },
  });

beforeEach(async () => {
  isRefused = true;
  untilThen = undefined;
  now = BEGIN;
  bank = define();
  app = await bank.open();
  await app.schedule(new GiveBonus('7'), { after: 60_000, id: 'bonus-7' });
  await app.schedule(new GiveBonus('8'), { after: 120_000, id: 'bonus-8', every: 86_400_000 });
  await app.schedule(new Deposited(5), { after: 180_000, id: 'gift', stream: 'account-7' });
});
afterEach(() => app.close());

const show = (...argv: string[]) => runCli(['schedules', ...argv], { definition: bank });
const json = (...argv: string[]) => runJson(['schedules', ...argv], { definition: bank });
const told = async () => {
  const found: unknown[] = [];
  for await (const { events } of app.events.readStream(SCHEDULES_STREAM))
    for (const { type, data, metadata } of events)
      found.push({ ...(JSON.parse(data) as object), ...(JSON.parse(metadata) as object), type });
  return found;
};
const failed = async () => {
  now += 60_000;
  await app.schedules.fireDue();
};

test('list says what is kept for later, and why something failed', async () => {
  await failed();
  const { stdout } = await show('list');
  expect(stdout.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['schedule', 'state', 'due', 'every', 'what', 'attempts', 'by', 'why'],
    ['bonus-7', 'failed', '2026-11-20T12:01:00.000Z', 'once', 'bonus.give', '1', '7 is shut'],
    ['bonus-8', 'waiting', '2026-11-20T12:02:00.000Z', '86400 s', 'bonus.give', '0'],
    ['gift', 'waiting', '2026-11-20T12:03:00.000Z', 'once', 'account.deposited in account-7', '0'],
    [''],
  ]);
  const { envelope } = await json('list', '--prefix', 'bonus-', '--after', 'bonus-7');
  expect(envelope.data).toEqual({
    schedules: [
      {
        id: 'bonus-8',
        kind: 'command',
        type: 'bonus.give',
        due: '2026-11-20T12:02:00.000Z',
        every: 86_400_000,
        state: 'waiting',
        attempts: 0,
        isInDoubt: false,
      },
    ],
  });
});

test('what is cancelled while an attempt whose time is over is at work is said to be in doubt', async () => {
  let end = () => {};
  untilThen = new Promise<void>((resolve) => (end = resolve));
  await failed();
  const listed = await show('list');
  expect(listed.stdout).toMatch(/^bonus-7 +failed, in doubt /m);
  expect(listed.stderr).toContain('Look for it in the log before you do it by hand.');
  const { exitCode, stdout, stderr } = await show('cancel', 'bonus-7', '--actor', 'ann');
  expect([exitCode, stdout]).toEqual([0, 'bonus-7 (bonus.give) is cancelled: asked for by ann.\n']);
  expect(stderr).toBe(listed.stderr);
  expect(await told()).toMatchObject([{ type: 'schedule.cancelled', isInDoubt: true }]);
  end();
});

test('where nothing is in doubt nothing is said of it', async () => {
  await failed();
  expect((await show('list')).stderr).toBe('');
});

test('what is more than the limit is told, and where to go on', async () => {
  const first = await show('list', '--limit', '2');
  expect(first.stdout).not.toContain('gift');
  expect(first.stderr).toBe('There are more: --after bonus-8, a larger --limit, or --all.\n');
  expect((await show('list', '--after', 'gift')).stderr).toBe('Nothing is scheduled.\n');
});

test('what is cancelled is not carried out, and recorded with who asked and why', async () => {
  const { exitCode, envelope } = await json('cancel', 'bonus-7', '--actor', 'ann', '--reason', 'shut');
  expect({ exitCode, data: envelope.data }).toMatchObject({
    exitCode: 0,
    data: { action: 'cancel', actor: 'ann', schedule: { id: 'bonus-7', type: 'bonus.give' } },
  });
  now += 60_000;
  expect(await app.schedules.fireDue()).toBe(0);
  expect(await told()).toMatchObject([
    {
      type: 'schedule.cancelled',
      schedule: 'bonus-7',
      kind: 'command',
      due: '2026-11-20T12:01:00.000Z',
      reason: 'shut',
      actor: 'ann',
      source: 'bank',
    },
  ]);
});

test('what failed is tried again', async () => {
  await failed();
  isRefused = false;
  const { stdout, stderr } = await show('retry', 'bonus-7', '--actor', 'ann');
  expect(stdout).toBe('bonus-7 (bonus.give) is tried again: asked for by ann.\n');
  expect(stderr).toMatch(/^The process that carries schedules out does so/);
  expect(await app.schedules.fireDue()).toBe(1);
  expect(await app.schedules.find('bonus-7')).toBeUndefined();
  expect(await told()).toMatchObject([{ type: 'schedule.retried', schedule: 'bonus-7', actor: 'ann' }]);
});

test.each([
  [['cancel'], 2, 'Which schedule? backstory schedules cancel <id>.'],
  [['list', 'bonus-7'], 2, 'list takes no id: leave out bonus-7.'],
  [['list', '--actor', 'ann'], 2, '--actor is for cancel, retry.'],
  [['cancel', 'bonus-7', '--actor', ''], 2, '--actor is empty'],
  [['cancel', 'bonus-7', '--prefix', 'bonus-'], 2, '--prefix is for list.'],
  [['retry', ''], 2, 'Which schedule? backstory schedules retry <id>.'],
  [['cancel', 'bonus-7', '--reason', 'x'.repeat(2_001)], 2, '--reason: must be a text of 2000 characters'],
  [
    ['retry', 'bonus-8'],
    1,
    'Schedule bonus-8 was not tried yet, so there is nothing to try again: it is due at 2026-11-20T12:02',
  ],
  [['cancel', 'none'], 1, 'There is no schedule none'],
  [['retry', 'none'], 1, 'There is no schedule none'],
])('%j is refused, and nothing is recorded', async (argv, exitCode, says) => {
  const refused = await show(...argv);
  expect(refused.stderr).toContain(says);
  expect(refused.exitCode).toBe(exitCode);
  expect(await told()).toEqual([]);
});
