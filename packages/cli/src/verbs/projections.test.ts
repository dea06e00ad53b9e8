import { defineBackstory, memory, sqlite, type App } from 'backstory';
import { projection, sqlProjection } from 'backstory/projection';
import { MemoryStateStore } from '@backstory/core/state';
import { Deposited, Withdrawn } from '../../../../test/support/bank-events.js';
import { runCli, runJson } from '../../../../test/support/run-cli.js';
import { sqliteFiles } from '../../../../test/support/sqlite-files.js';

const balances = (version: number) =>
  projection('balances', {
    version,
    initial: { balance: 0 },
    events: { Deposited, Withdrawn },
    fold: {
      Deposited: ({ balance }, { amount }) => ({
        balance: version === 2 && amount === 13 ? balance : balance + amount,
      }),
      Withdrawn: ({ balance }, { amount }) => ({ balance: balance - amount }),
    },
  });

/** What was large, told as it came. */
const large = projection('large', {
  version: 1,
  initial: { times: 0 },
  events: { Deposited },
  fold: {
    Deposited: ({ times }, { amount }, _recorded, _key, emit) => {
      if (amount > 10) emit({ amount });
      if (amount === 777) for (const nth of [1, 2, 3]) emit({ nth });
      return { times: times + 1 };
    },
  },
});

/** What came of each kind, in a list whose elements have a key. */
const kinds = projection('kinds', {
  version: 1,
  initial: { lines: [] as { kind: string; amount: number }[] },
  events: { Deposited, Withdrawn },
  fold: {
    Deposited: ({ lines }, { amount }) => ({ lines: [{ kind: `of ${amount}`, amount }, ...lines] }),
    Withdrawn: ({ lines }) => ({ lines }),
  },
});

const store = () => memory();
let bank: ReturnType<typeof definition>;
let app: App;
const definition = (version: number, kept = store()) =>
  defineBackstory({
    name: 'bank',
    store: kept,
    events: [Deposited, Withdrawn],
    projections: [balances(version), large, kinds],
  });

beforeEach(async () => {
  const kept = store();
  const before = definition(1, kept);
  await before.run(async (first) => {
    await first.record('account-1', [new Deposited(13), new Deposited(14)]);
    await first.record('account-2', [new Deposited(5)]);
    for (const name of ['balances', 'large'])
      await first.caughtUp(name, (await first.events.identity()).head);
  });
  bank = definition(2, kept);
  app = await bank.open();
});
afterEach(() => app.close());

const show = (...argv: string[]) => runCli(['projections', ...argv], { definition: bank });
const data = async (...argv: string[]) => {
  const { envelope } = await runJson(['projections', ...argv], { definition: bank });
  return envelope.data;
};
const cells = (text: string) => text.split('\n').map((line) => line.trim().split(/ {2,}/));

test('list and status say which version is read, and that nobody feeds it', async () => {
  const { stdout } = await show('list');
  expect(cells(stdout)[0]).toEqual([
    'projection',
    'state',
    'version',
    'generation',
    'position',
    'lag',
    'being filled',
    'why',
  ]);
  expect(cells(stdout)[1]!.slice(0, 4)).toEqual(['balances', 'frozen', '1', '1']);
  const status = await show('status', 'balances');
  expect(status.stdout).toMatch(
    /^balances\nstate +frozen: .*\nversion +1, the code here is of 2\nposition +3 of 3\nlag +none\n/,
  );
  expect((await data('status', 'balances')).projection).toMatchObject({
    name: 'balances',
    generations: [{ generation: 1, role: 'live', documents: 2, events: 3 }],
  });
});

test('a new version is rebuilt, found to differ, swapped, taken back and dropped', async () => {
  expect((await show('rebuild', 'balances')).stdout).toMatch(
    /^balances: generation 2 of version 2 is filled: 2 documents of 3 events\.\n.*verify balances\n$/,
  );
  const found = await show('verify', 'balances');
  expect(found.exitCode).toBe(1);
  expect(found.stdout).toMatch(
    /1 of 2 documents differ between generation 1 \(version 1\) and 2 \(version 2\) at position 3/,
  );
  expect(found.stdout).toMatch(/account-1 +balance +27 +14/);
  expect((await data('verify', 'balances')).verification).toMatchObject({ isEqual: false, different: 1 });
  expect(await data('swap', 'balances', '--actor', 'ann')).toMatchObject({
    generation: 2,
    was: 1,
    behind: 0,
    isFed: false,
  });
  expect((await data('show', 'balances', 'account-1')).document).toEqual({ balance: 14 });
  expect((await show('rollback', 'balances')).stdout).toMatch(
    /generation 1 is read from now on, generation 2 is kept[^]*\nNo process feeds it yet: start one whose code has version 1 of balances, unless one runs\.\n$/,
  );
  expect((await data('show', 'balances', 'account-1')).document).toEqual({ balance: 27 });
  expect((await show('drop', 'balances', '--generation', '1')).stderr).toMatch(
    /it is read, and cannot be dropped/,
  );
  expect((await show('drop', 'balances')).stdout).toMatch(/generation 2 is gone/);
});

test('an interrupted rebuild is gone on with, and one of a paused projection is refused', async () => {
  await show('pause', 'balances', '--actor', 'ann');
  expect(await show('rebuild', 'balances')).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('paused, by ann'),
  });
  expect((await data('status', 'balances')).projection).toMatchObject({ generations: [{ generation: 1 }] });
  await show('resume', 'balances');
  const interrupted = async (action: string) => {
    const io = { definition: bank, signal: AbortSignal.abort() };
    expect((await runCli(['projections', action, 'balances'], io)).exitCode).toBe(130);
  };
  await interrupted('rebuild');
  expect((await show('rebuild', 'balances')).stdout).toMatch(/generation 2 of version 2 is filled/);
  await interrupted('verify');
  await interrupted('swap');
  expect((await data('status', 'balances')).projection).toMatchObject({ generation: 1 });
});

const files = sqliteFiles();
test('of tables there is no document to show', async () => {
  const days = sqlProjection('days', {
    version: 1,
    tables: { days: { columns: { day: 'text' }, key: ['day'] } },
    events: { Deposited },
    handle: { Deposited: () => Promise.resolve() },
  });
  const definition = defineBackstory({ name: 'bank', store: sqlite(files.newFile()), projections: [days] });
  await definition.run(() => Promise.resolve());
  for (const key of [[], ['account-1']])
    expect(await runCli(['projections', 'show', 'days', ...key], { definition })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Projection days writes tables: read them with SQL'),
    });
});

test('a rebuild goes no faster than it is to, by whom it is gone on with as well', async () => {
  const control = async () =>
    (await app.state.read((view) => view.get('backstory.projections', 'balances')))!;
  await show('rebuild', 'balances', '--rate', '1000');
  expect(JSON.parse(await control())).toMatchObject({ generations: [{}, { eventsPerSecond: 1_000 }] });
  await show('rebuild', 'balances', '--rate', '2000');
  expect(JSON.parse(await control())).toMatchObject({ generations: [{}, { eventsPerSecond: 2_000 }] });
  expect((await show('rebuild', 'balances', '--rate', '0')).exitCode).toBe(2);
});

test('a document is shown with what its folds have emitted, the last first, and as it was with what there was then', async () => {
  const { stdout } = await show('show', 'large', 'account-1', '--limit', '1');
  expect(stdout).toMatch(/"times": 2\n\}\n\nposition +result\n +2 +\{"amount":14\}\n$/);
  const results = async (...more: string[]) => (await data('show', 'large', ...more)).results;
  const [first, second] = [1, 2].map((position) => ({
    key: 'account-1',
    position,
    result: { amount: 12 + position },
  }));
  expect(await results('account-1')).toEqual([second, first]);
  expect(await results('account-1', '--at', '1')).toEqual([first]);
  expect(await results('account-2')).toBeUndefined();
});

test('of what one event has led to no more is shown than is asked for', async () => {
  const own = definition(1);
  await own.run(async (first) => {
    const { position } = await first.record('account-1', [new Deposited(777)]);
    await first.caughtUp('large', position);
  });
  const { envelope } = await runJson(['projections', 'show', 'large', 'account-1', '--limit', '2'], {
    definition: own,
  });
  expect((envelope.data as { results: unknown }).results).toMatchObject([
    { result: { nth: 3 } },
    { result: { nth: 2 } },
  ]);
});

test('a document is shown as it was, with what it took', async () => {
  const { stdout } = await show('show', 'balances', 'account-1', '--at', '1', '--explain');
  expect(stdout).toMatch(
    /"balance": 0\n[^]*as of position 1: .* from the stream account-1 alone\n1 event read in 1 page, 1 folded/,
  );
  expect(await data('show', 'balances', 'account-1', '--at', '2', '--explain')).toMatchObject({
    document: { balance: 14 },
    position: 2,
    cost: { read: 'stream', events: 2 },
  });
  expect((await show('show', 'balances', 'account-9', '--at', '2')).exitCode).toBe(1);
});

test('a document is shown as it was at a time, with what it took', async () => {
  const recorded: Date[] = [];
  for await (const { events } of app.events.readStream('account-1'))
    recorded.push(...events.map((it) => it.recordedAt));
  const at = recorded[1]!.toISOString();
  const { stdout } = await show('show', 'balances', 'account-1', '--at', at, '--explain');
  expect(stdout).toMatch(
    /"balance": 14\n[^]*as of position [23]: .* from the stream account-1 alone\n2 events read in 1 page, 2 folded/,
  );
  const before = new Date(Date.UTC(2020)).toISOString();
  const none = await runJson(['projections', 'show', 'balances', 'account-1', '--at', before, '--explain'], {
    definition: bank,
  });
  expect(none).toMatchObject({
    exitCode: 1,
    envelope: { data: { document: null, position: 0, cost: { events: 0, folded: 0 } } },
  });
  expect((await show('show', 'balances', 'account-1', '--at', 'noon')).exitCode).toBe(2);
});

test('as of a position that the log does not have yet a document is not shown, and it is said where the log ends', async () => {
  for (const at of ['4', '99999999999999999999']) {
    const { exitCode, envelope } = await runJson(
      ['projections', 'show', 'balances', 'account-1', '--at', at],
      {
        definition: bank,
      },
    );
    expect({ exitCode, error: envelope.error }).toMatchObject({
      exitCode: 1,
      error: {
        code: 'BACKSTORY_POSITION_OUT_OF_RANGE',
        message: `The log is at position 3, so it has no position ${Number(at)}: choose one from 0 to 3, or a time.`,
        facts: { wanted: Number(at), actual: 3 },
      },
    });
  }
  expect((await show('show', 'balances', 'account-1', '--at', '3')).exitCode).toBe(0);
});

test('pause and resume are asked for by name', async () => {
  const paused = await show('pause', 'balances', '--actor', 'ann', '--reason', 'audit');
  expect(paused).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Asked for by ann.') });
  expect(paused.stdout).toMatch(/state +paused: by ann: audit/);
  expect((await show('resume', 'balances')).stdout).toMatch(/state +frozen/);
});

test('where a process feeds what is swapped in, nobody is told to start one', async () => {
  const other = await bank.start();
  try {
    await other.projections.fill('balances');
    const { stdout } = await show('swap', 'balances');
    expect(stdout).toMatch(
      /^balances: generation 2 is read from now on.*\nIt is at position \d+, as far as .*\n$/,
    );
    await other.projections.fill('balances');
    expect(await data('swap', 'balances')).toMatchObject({ generation: 3, was: 2, isFed: true });
  } finally {
    await other.close();
  }
});

test.each([
  [
    ['list', 'balances'],
    /list takes no name: leave out balances\. For one: backstory projections status balances\./,
  ],
  [['status', 'balances', 'account-1'], /status takes no key: leave out account-1\./],
  [['show', 'balances', 'account-1', '--explain'], /--explain is for a document as it was: give --at/],
  [
    ['show', 'balances', 'account-1', '--max-events', '5'],
    /--max-events is for a document as it was: give --at/,
  ],
  [['swap', 'balances', '--rate', '5'], /--rate is for rebuild\./],
  [['swap', 'balances', '--actor', ''], /--actor is empty/],
  [['show', 'balances', 'account-1', '--reason', 'x'], /--reason is for rebuild, swap/],
  [
    ['show', 'balances', 'account-1', '--generation', '1'],
    /--generation is for verify, swap, rollback, drop\./,
  ],
  [['status', 'balances', '--at', '1'], /--at is for show\./],
  [['drop', 'balances', '--limit', '1'], /--limit is for verify, show\./],
])('what would be ignored of %j is refused', async (argv, message) => {
  expect(await show(...argv)).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(message) });
});

test('what is missing on the command line is said', async () => {
  expect((await show('status')).stderr).toMatch(/Which projection\?/);
  expect((await show('show', 'balances')).stderr).toMatch(/Which document\?/);
  expect((await show('status', 'other')).stderr).toMatch(/There is no projection other: there are balances/);
});

test('of a projection in memory it is said where it lives, and a document is folded from the log', async () => {
  const parts = { version: 1, target: 'memory' as const, initial: { times: 0 }, events: { Deposited } };
  const brief = projection('brief', {
    ...parts,
    fold: { Deposited: ({ times }) => ({ times: times + 1 }) },
  });
  bank = defineBackstory({ name: 'bank', store: bank.store, events: [Withdrawn], projections: [brief] });
  expect((await show('list')).stderr).toMatch(/In the memory of each process that runs them.*: brief\./);
  for (const argv of [
    ['status', 'brief'],
    ['pause', 'brief'],
    ['show', 'brief', 'account-1'],
  ]) {
    const { stderr, exitCode } = await show(...argv);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/brief is in the memory of each process.*show brief <key> --at/);
  }
  const { stdout, exitCode } = await show('show', 'brief', 'account-1', '--at', '1');
  expect({ exitCode, document: JSON.parse(stdout) as unknown }).toEqual({
    exitCode: 0,
    document: { times: 1 },
  });
});

describe('blame of a document', () => {
  const blamed = (...argv: string[]) => runCli(['blame', ...argv], { definition: bank });
  const blamedData = async (...argv: string[]) => {
    const { envelope, exitCode } = await runJson(['blame', ...argv], { definition: bank });
    return { exitCode, data: envelope.data as Record<string, unknown>, error: envelope.error };
  };

  test('says which event last changed a place of it', async () => {
    const { stdout, exitCode } = await blamed('projection:balances/account-1', 'balance');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^balances\/account-1 balance is 14\n\naccount-1\nv2 {2}account\.deposited {2}.*position 2\n/,
    );
    const { data: told } = await blamedData('projection:balances/account-1', 'balance');
    expect(told).toMatchObject({
      ...{ projection: 'balances', key: 'account-1', path: 'balance', value: 14 },
      last: { stream: 'account-1', version: 2, type: 'account.deposited', data: { amount: 14 } },
    });
  });

  test('without a path says which event last changed anything in it', async () => {
    const { data: told } = await blamedData('projection:balances/account-2');
    expect(told).toMatchObject({ value: { balance: 5 }, last: { stream: 'account-2', version: 1 } });
  });

  test('with --history says every value that the place had', async () => {
    const { stdout } = await blamed('projection:large/account-1', 'times', '--history');
    expect(stdout).toContain('times  1');
    expect(stdout).toContain('~ times  1 → 2');
    const { data: told } = await blamedData('projection:large/account-1', 'times', '--history');
    expect(told).toMatchObject({
      ...{ projection: 'large', key: 'account-1', path: 'times' },
      values: [
        { after: 1, event: { version: 1 } },
        { before: 1, after: 2, event: { version: 2 } },
      ],
    });
  });

  test('finds an element of a list by its key, wherever it stands', async () => {
    for (const path of [
      'lines[kind="of 13"].amount',
      'lines[kind=of 13].amount',
      'lines[amount=13].amount',
    ]) {
      const { data: told } = await blamedData('projection:kinds/account-1', path);
      expect(told).toMatchObject({ path, value: 13, last: { version: 1 } });
    }
    const { data: moved } = await blamedData('projection:kinds/account-1', 'lines[0].amount', '--history');
    expect(moved).toMatchObject({ values: [{ after: 13 }, { before: 13, after: 14 }] });
    const { exitCode, error } = await blamedData('projection:kinds/account-1', 'lines[kind=none]');
    expect({ exitCode, error }).toMatchObject({
      exitCode: 1,
      error: { code: 'BACKSTORY_NEVER_IN_DOCUMENT' },
    });
    const { stderr, exitCode: usage } = await blamed('projection:kinds/account-1', 'lines[');
    expect({ usage, stderr }).toMatchObject({ usage: 2, stderr: expect.stringContaining('is no path') });
  });

  test.each(['projection:balances', 'projection:balances/'])('%s names no document', async (name) => {
    const { stderr, exitCode } = await blamed(name, 'balance');
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('give projection:<name>/<key>, e.g. projection:balances/42.'),
    });
  });

  test('what was never there is a finding', async () => {
    for (const more of [[], ['--history']]) {
      const { exitCode, error } = await blamedData('projection:balances/account-1', 'owner', ...more);
      expect(exitCode).toBe(1);
      expect(error).toMatchObject({ code: 'BACKSTORY_NEVER_IN_DOCUMENT', facts: { path: 'owner' } });
    }
    expect(await blamedData('projection:balances/account-9')).toMatchObject({ exitCode: 1 });
  });

  test('what is of streams alone is refused', async () => {
    for (const option of [['--why'], ['--at-version', '1']]) {
      const { exitCode, stderr } = await blamed('projection:balances/account-1', 'balance', ...option);
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('of streams'),
      });
    }
    const { exitCode, stderr } = await blamed('projection:nothing/account-1', 'balance');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('nothing') });
  });
});

test('what is filled by the command is under a lease as long as the application says', async () => {
  const acquired = jest.spyOn(MemoryStateStore.prototype, 'acquire');
  bank = defineBackstory({ name: 'bank', store: memory(), projections: [large], projectionLeaseMs: 30_000 });
  await bank.run(() => Promise.resolve());
  acquired.mockClear();
  await show('rebuild', 'large');
  expect(acquired).toHaveBeenCalled();
  for (const [, { ttlMs }] of acquired.mock.calls) expect(ttlMs).toBe(30_000);
  acquired.mockRestore();
});
