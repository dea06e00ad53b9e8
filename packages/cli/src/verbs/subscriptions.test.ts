import type { Outcome } from '@backstory/router';
import { defineBackstory, memory, type App } from 'backstory';
import { eventually } from '../../../../test/support/eventually.js';
import { Deposited, Withdrawn } from '../../../../test/support/bank-events.js';
import { runCli, runJson } from '../../../../test/support/run-cli.js';
import { watching } from '../../../../test/support/subscribing.js';

let isRepaired = false;
const amounts: number[] = [];
const definition = () =>
  defineBackstory({
    name: 'bank',
    store: memory(),
    events: [Deposited, Withdrawn],
    subscribers: [
      watching(
        'fraud',
        (event, { stream }) => {
          if (stream === 'account-1' && event.amount === 13 && !isRepaired) throw new Error('unlucky');
          return amounts.push(event.amount);
        },
        { outcomes: 'all' },
      ),
    ],
  });

let bank: ReturnType<typeof definition>;
let app: App;
beforeEach(async () => {
  isRepaired = false;
  amounts.length = 0;
  bank = definition();
  app = await bank.start();
  await app.record('account-1', [new Deposited(13), new Deposited(14)]);
  await app.record('account-2', [new Deposited(5)]);
  await eventually(async () => (await app.subscriptions.status('fraud')).parked.dead === 1);
});
afterEach(() => app.close());

const show = (...argv: string[]) => runCli(argv, { definition: bank });
const data = async (...argv: string[]) => {
  const { exitCode, envelope } = await runJson(argv, { definition: bank });
  expect({ exitCode, verb: envelope.verb }).toEqual({ exitCode: 0, verb: argv[0] });
  return envelope.data;
};

test('list and status say how subscriptions are doing', async () => {
  await eventually(async () => (await app.subscriptions.status('fraud')).state === 'live');
  const { stdout } = await show('subscriptions', 'list');
  expect(stdout.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['subscription', 'state', 'position', 'lag', 'retrying', 'dead', 'processes', 'why'],
    ['fraud', 'live', expect.stringMatching(/^\d+$/), 'none', '0', '1', '1'],
    [''],
  ]);
  const status = (await show('subscriptions', 'status', 'fraud')).stdout;
  expect(status).toMatch(
    /^fraud\nstate +live\nposition +\d+ of \d+\nlag +none\nparked +1 dead, 0 retrying, 0 draining\n/,
  );
  expect(status).toMatch(/partitions +64 of 64 have an owner/);
  expect(await data('subscriptions', 'status', 'fraud')).toMatchObject({
    subscription: {
      name: 'fraud',
      state: 'live',
      parked: { dead: 1 },
      members: [{ pid: process.pid, partitions: 64 }],
    },
  });
  expect((await data('subscriptions', 'list')).subscriptions).toHaveLength(1);
});

test('verify tells of dead keys', async () => {
  const { exitCode, stdout } = await show('verify');
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    /subscription {2}fraud\n {4}1 key is dead.*\n {4}"backstory dead-letters list fraud" says why/,
  );
});

test('outcomes say what became of events, all of them, of one, or those that failed', async () => {
  await eventually(async () => (await app.subscriptions.outcomes('fraud')).length === 2);
  const { stdout } = await show('subscriptions', 'outcomes', 'fraud');
  expect(stdout.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['position', 'event', 'stream', 'handler', 'state', 'attempts', 'ended', 'ms', 'result'],
    [
      '3',
      'account.deposited',
      'account-2',
      'watch',
      'handled',
      '1',
      expect.any(String),
      expect.any(String),
      '1',
    ],
    expect.arrayContaining(['1', 'account-1', 'watch', 'dead', '3', 'poison: unlucky']),
    [''],
  ]);
  const { outcomes } = await data('subscriptions', 'outcomes', 'fraud', '--failed');
  expect(outcomes).toMatchObject([{ state: 'dead', position: 1, error: { message: 'unlucky' } }]);
  const { eventId } = outcomes[0];
  expect((await data('subscriptions', 'outcomes', 'fraud', '--event', eventId)).outcomes).toEqual(outcomes);
  expect((await show('subscriptions', 'outcomes', 'fraud', '--limit', '1')).stderr).toContain(
    'There are more',
  );
  expect((await show('subscriptions', 'outcomes', 'fraud', '--event', 'none')).exitCode).toBe(1);
});

test('what failed and was handled in the end says what it gave, and how it failed before', async () => {
  isRepaired = true;
  await show('dead-letters', 'retry', 'fraud', '--every', '--actor', 'ann');
  const outcomes = async () => (await show('subscriptions', 'outcomes', 'fraud', '--all')).stdout;
  await eventually(async () => (await outcomes()).includes('account-1'));
  await eventually(async () => !(await outcomes()).includes('dead'));
  expect(await outcomes()).toMatch(/account-1 .* handled .* 2 \(failed before: poison: unlucky\)/);
  const failed = await show('subscriptions', 'outcomes', 'fraud', '--failed');
  expect(failed.stderr).toContain('No failure is kept of fraud that was not made good.');
});

test('pause, resume and reset are asked for by name, and done', async () => {
  const paused = await show('subscriptions', 'pause', 'fraud', '--actor', 'ann', '--reason', 'audit');
  expect(paused).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Asked for by ann.') });
  expect(paused.stdout).toMatch(/state +paused: by ann: audit/);
  await show('subscriptions', 'resume', 'fraud');
  await eventually(async () => (await app.subscriptions.status('fraud')).state === 'live');
  await show('subscriptions', 'reset', 'fraud', '--to', 'beginning');
  await eventually(() => amounts.filter((it) => it === 5).length === 2);
});

test('a replay is asked for by event, key or part of the log, and done', async () => {
  await eventually(
    async () => (await app.subscriptions.outcomes('fraud', { states: ['handled'] })).length === 1,
  );
  const asked = await show('subscriptions', 'replay', 'fraud', '--key', 'account-2', '--actor', 'ann');
  expect(asked.stdout).toMatch(/^replay of fraud: asked for by ann, as \S+\.\n$/);
  expect(asked.stderr).toContain(
    'backstory events --stream _system-fraud --type subscription.replayed --full',
  );
  await eventually(() => amounts.filter((it) => it === 5).length === 2);
  const [{ eventId, position }] = (await app.subscriptions.outcomes('fraud', { states: ['handled'] })) as [
    Outcome,
  ];
  const args = ['--event', eventId, '--from', String(position), '--to', String(position), '--again'];
  expect(await data('subscriptions', 'replay', 'fraud', ...args, '--actor', 'bob')).toEqual({
    request: {
      ...{ id: expect.any(String), subscription: 'fraud', action: 'replay' },
      ...{ event: eventId, from: position, to: position, again: true, actor: 'bob' },
    },
  });
  await eventually(() => amounts.filter((it) => it === 5).length === 3);
  expect((await show('subscriptions', 'replay', 'fraud')).stderr).toContain(
    'Which events? Give --event <id>',
  );
  expect(await show('subscriptions', 'replay', 'fraud', '--from', '999')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/from: must be a position from 1 to \d+, the head of the log, not 999\./),
  });
  expect((await show('subscriptions', 'replay', 'fraud', '--to', 'x')).stderr).toContain(
    'Give a position, beginning or now.',
  );
});

test('dead letters are listed, shown, edited, and go on', async () => {
  const { stdout } = await show('dead-letters', 'list', 'fraud');
  expect(stdout).toMatch(/account-1 +dead +account\.deposited +\d+ +3 +\S+ +poison: unlucky/);
  expect((await show('dead-letters', 'show', 'fraud', 'account-1')).stdout).toMatch(
    /^account-1\nstate +dead\nevent +account\.deposited {2}account-1 {2}position 1\n(.*\n)*why +poison: Error: unlucky/,
  );
  const [letter] = (await data('dead-letters', 'list', 'fraud')).deadLetters;
  expect(letter).toMatchObject({ key: 'account-1', state: 'dead', reason: 'poison', attempts: 3 });
  const edited = await show(
    'dead-letters',
    'edit',
    'fraud',
    'account-1',
    '--data',
    '{"amount":12}',
    '--actor',
    'ann',
  );
  expect(edited.stdout).toBe('edit account-1 of fraud: asked for by ann.\n');
  await eventually(() => amounts.length === 3);
  expect(amounts).toEqual([5, 12, 14]);
  await eventually(
    async () => (await show('dead-letters', 'list', 'fraud')).stderr === 'Nothing of fraud is dead.\n',
  );
});

test.each([
  ['retry', [5, 13, 14]],
  ['skip', [5, 14]],
  ['discard', [5]],
] as const)('%s', async (action, left) => {
  isRepaired = true;
  await show('dead-letters', action, 'fraud', '--every', '--actor', 'ann');
  await eventually(async () => (await app.subscriptions.parked('fraud')).length === 0);
  expect(amounts).toEqual(left);
  await app.record('account-1', [new Deposited(1)]);
  await eventually(() => amounts.at(-1) === 1);
  const told: unknown[] = [];
  for await (const { events } of app.events.readStream('_system-fraud'))
    for (const event of events)
      if (event.type === 'subscription.request')
        told.push(JSON.parse(event.data), JSON.parse(event.metadata));
  expect(told).toMatchObject([{ action, key: 'all', actor: 'ann' }, { actor: 'ann' }]);
});

test.each([
  [['subscriptions', 'reset', 'fraud', '--to', ''], 'Give a position, beginning or now.'],
  [['subscriptions', 'reset', 'fraud', '--to', '0x3'], 'Give a position, beginning or now.'],
  [['subscriptions', 'reset', 'fraud', '--to', '1e1'], 'Give a position, beginning or now.'],
  [
    ['subscriptions', 'replay', 'fraud', '--to', 'now'],
    '--to now is for reset: a replay ends at a position.',
  ],
  [['subscriptions', 'replay', 'fraud', '--key', ''], '--key is empty: give it a value, or leave it out.'],
  [['subscriptions', 'pause', 'fraud', '--actor', ''], '--actor is empty'],
  [
    ['subscriptions', 'list', 'fraud'],
    'list takes no name: leave out fraud. For one: backstory subscriptions status fraud.',
  ],
  [['subscriptions', 'status', 'fraud', '--key', 'account-1'], '--key is for replay.'],
  [['subscriptions', 'pause', 'fraud', '--to', '3'], '--to is for reset, replay.'],
  [['dead-letters', 'list', 'fraud', 'account-1'], 'list takes no key: leave out account-1.'],
  [['dead-letters', 'list', 'fraud', '--every'], '--every is for retry, skip, discard.'],
  [
    ['dead-letters', 'show', 'fraud', 'account-1', '--reason', 'x'],
    '--reason is for retry, skip, discard, edit.',
  ],
  [['dead-letters', 'discard', 'fraud', 'account-1', '--every'], 'Give either account-1 or --every'],
  [
    ['dead-letters', 'edit', 'fraud', 'account-1', '--every', '--data', '{}'],
    '--every is for retry, skip, discard.',
  ],
  [['dead-letters', 'edit', 'fraud', 'account-1', '--data', '[1]'], 'an object of at most'],
  [['dead-letters', 'discard', 'fraud', 'account-1', '--data', '{}'], '--data is for edit.'],
  [['dead-letters', 'discard', 'fraud', 'account-1', '--actor', ''], '--actor is empty'],
])('%j is refused, and nothing is asked for', async (argv, says) => {
  const { exitCode, stderr } = await show(...argv);
  expect(stderr).toContain(says);
  expect(exitCode).toBe(2);
  const told: string[] = [];
  for await (const { events } of app.events.readStream('_system-fraud'))
    told.push(...events.map(({ type }) => type));
  expect(told).not.toContain('subscription.request');
});

test('what is missing or unknown is said, with exit code 1 or 2', async () => {
  for (const [argv, says, code] of [
    [['subscriptions', 'pause'], 'Which subscription? backstory subscriptions pause <name>.', 2],
    [['subscriptions', 'reset', 'fraud'], 'Where to? Give --to <position>', 2],
    [['subscriptions', 'reset', 'fraud', '--to', '99999'], 'must be a position from 0 to', 2],
    [['subscriptions', 'status', 'none'], 'There is no subscription none: there are fraud.', 1],
    [['dead-letters', 'show', 'fraud'], 'Which key?', 2],
    [
      ['dead-letters', 'retry', 'fraud', 'account-9'],
      'Nothing of account-9 is parked in subscription fraud',
      1,
    ],
    [['dead-letters', 'edit', 'fraud', 'account-1'], 'With what?', 2],
    [
      ['dead-letters', 'edit', 'fraud', 'account-1', '--data', '12'],
      'must be the data of the event as JSON',
      2,
    ],
    [['dead-letters', 'list', 'fraud', '--state', 'gone'], 'there are dead, retrying, draining', 2],
  ] as const) {
    const { exitCode, stderr } = await show(...argv);
    expect(stderr).toContain(says);
    expect({ argv, exitCode }).toEqual({ argv, exitCode: code });
  }
});
