import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DomainEvent, defineBackstory, memory } from 'backstory';
import { Broken, Cart, Noted, fillShop, openShop, type Shop, type ShopApp } from '../../../test/support/shop';
import { runCli, runJson } from '../../../test/support/run-cli';
import { failureOf } from './failure.js';
import { VERBS } from './verbs.js';

let definition: Shop;
let app: ShopApp;

beforeEach(async () => {
  ({ definition, app } = await openShop());
  await fillShop(app);
});

/** Runs it for people and as JSON, which must say the same, and gives what was said. */
async function refused(argv: readonly string[], io: Parameters<typeof runCli>[1] = { definition }) {
  const text = await runCli(argv, io);
  const json = await runJson(argv, io);
  const { ok, verb, error } = json.envelope;
  expect(Object.keys(json.envelope)).toEqual(['ok', 'verb', 'error']);
  expect(Object.keys(error!)).toEqual(['code', 'message', 'facts']);
  expect({ ok, exitCode: json.exitCode, stderr: json.stderr }).toEqual({
    ok: false,
    exitCode: text.exitCode,
    stderr: '',
  });
  expect({ stdout: text.stdout, stderr: text.stderr }).toEqual({
    stdout: '',
    stderr: `error: ${error!.message.replaceAll('\n', '\n       ')}\n`,
  });
  return { exitCode: text.exitCode, verb, ...error! };
}

describe('a command line that means nothing ends with exit code 2', () => {
  test.each<[string[], string, string | RegExp]>([
    [[], 'no-verb', `Give a verb: ${VERBS.map(({ name }) => name).join(', ')}. See backstory --help.`],
    [
      ['stat'],
      'unknown-command',
      "Unknown command 'stat'. Did you mean one of state, stats? See backstory --help.",
    ],
    [['audit', 'sela'], 'invalid-argument', /report, export, keys\. Did you mean seal\? See backstory audit/],
    [['audit', 'zzzzzz'], 'invalid-argument', /report, export, keys\. See backstory audit/],
    [['state'], 'missing-argument', "Missing required argument 'stream'. See backstory state --help."],
    [['diff', 'cart-1', '1'], 'missing-argument', /'to'/],
    [['whatif', 'cart-1'], 'missing-option', /Say what would be otherwise/],
    [['whatif', 'cart-1', '--edit', 'x'], 'invalid-argument', /version:path=value/],
    [['whatif', 'cart-1', '--insert', 'nowhere.json'], 'invalid-argument', /nowhere\.json cannot be read/],
    [['whatif', 'cart-1', '--reorder', '1,x'], 'invalid-argument', /versions with commas/],
    [['whatif', 'no-flow', '--skip', 'x'], 'invalid-argument', /neither the id of an event nor/],
    [['whatif', 'x', '--skip', 'x', '--skip', '1'], 'conflicting-options', /by their ids/],
    [['bisect', 'cart-1'], 'missing-option', /--where "balance < 0"/],
    [['bisect', 'cart', '--all', '--monotonic', '--where', 'x'], 'conflicting-options', /not both/],
    [['blame', 'cart-1', '--history'], 'missing-argument', /Give the path of one value with --history/],
    [['blame', 'cart-1', 'owner', '--history', '--why'], 'conflicting-options', /not both/],
    [['blame', 'cart-1', '--at-version', '1', '--at', '2026-11-20'], 'conflicting-options', /not both/],
    [['stats', 'x'], 'excess-arguments', /Expected 0 arguments but got 1/],
    [
      ['events', '--limt', '1'],
      'unknown-option',
      /Unknown option '--limt'\. Did you mean --limit\? See backstory events --help/,
    ],
    [['events', '--limit'], 'option-missing-argument', /'--limit <n>' argument missing/],
    [['events', '--limit', '0'], 'invalid-argument', /'0' is invalid\. Give a whole number ≥ 1/],
    [['events', '--limit', '1e3'], 'invalid-argument', /whole number/],
    [['events', '--limit', '99999999999999999'], 'invalid-argument', /whole number/],
    [['events', '--limit', '1', '--limit', '2'], 'invalid-argument', /given twice/],
    [['events', '--limit', '1', '--all'], 'conflicting-options', /not both/],
    [
      ['events', '--from', 'yesterday'],
      'invalid-argument',
      /'yesterday' is invalid\. Give a date or time in ISO 8601/,
    ],
    [['events', '--to', '2026-02-30'], 'invalid-argument', /'2026-02-30' is invalid/],
    [['state', 'cart-1', '--at', '2026-11-20T25:00'], 'invalid-argument', /2026-11-20T25:00/],
    [['state', 'cart-1', '--at', ''], 'invalid-argument', /'' is invalid/],
    [['state', 'cart-1', '--at-version', '-1'], 'invalid-argument', /'-1' is invalid/],
    [['state', 'cart-1', '--at-version', '1', '--at', '2026-11-20'], 'conflicting-options', /not both/],
    [['diff', 'cart-1', '1', 'two'], 'invalid-argument', /'two' is invalid for argument 'to'/],
    [['events', '--store', 'bank.db'], 'invalid-store', /give sqlite:<file>/],
    [['events', '--store', 'mysql://u:secret@x'], 'invalid-store', /mysql:… names/],
    [['events', '--store', 'sqlite:'], 'invalid-store', /give sqlite:<file>/],
  ])('%j', async (argv, reason, message) => {
    const found = await refused(argv);
    expect(found).toMatchObject({ exitCode: 2, code: 'BACKSTORY_USAGE', facts: { reason } });
    if (typeof message === 'string') expect(found.message).toBe(message);
    else expect(found.message).toMatch(message);
  });

  test.each([
    ['bisect', 'cart-1', '--where', 'lines <'],
    ['replay', 'cart-1', '--break', 'lines <'],
    ['events', '--where', 'lines <'],
    ['events', '--where', 'tipe == 1'],
    ['streams', '--where', 'data.x == 1'],
    ['tail', '--where', 'a; b'],
  ])('a bad expression: %s %s %s', async (...argv) => {
    expect(await refused(argv)).toMatchObject({ exitCode: 2, code: 'BACKSTORY_INVALID_EXPRESSION' });
  });

  test('a filter that means nothing, or that is in no file', async () => {
    expect(await refused(['tail', '--filter', '{"typs":["a"]}'])).toMatchObject({
      exitCode: 2,
      code: 'BACKSTORY_INVALID_FILTER',
    });
    expect(await refused(['events', '--filter', '@nowhere.json'])).toMatchObject({
      exitCode: 2,
      facts: { reason: 'unreadable-file' },
      message: expect.stringContaining('--filter @nowhere.json is not there: give a file that is.'),
    });
  });

  test('a limit that the store does not accept', async () => {
    const { message, ...found } = await refused(['trace', 'x', '--limit', '10001']);
    expect(found).toMatchObject({ exitCode: 2, code: 'BACKSTORY_INVALID_QUERY', facts: { option: 'limit' } });
    expect(message).toBe('limit: must be 1 to 10,000, not 10001.');
  });
});

describe('what is not in the log, or cannot be folded, is a finding with exit code 1', () => {
  test('a stream that is not there suggests those that are called nearly so', async () => {
    for (const argv of [
      ['state', 'card-1'],
      ['replay', 'card-1'],
      ['blame', 'card-1', 'owner'],
      ['bisect', 'card-1', '--where', 'lines'],
      ['whatif', 'card-1', '--skip', '1'],
      ['replay', 'card-1', '--break', 'lines'],
      ['diff', 'card-1', '0', '1'],
    ]) {
      expect(await refused(argv)).toEqual({
        exitCode: 1,
        verb: argv[0],
        code: 'BACKSTORY_STREAM_NOT_FOUND',
        message: 'There is no stream "card-1": did you mean cart-1, cart-2?',
        facts: { stream: 'card-1', near: ['cart-1', 'cart-2'] },
      });
    }
  });

  test('a version that is not there says the one that is', async () => {
    for (const argv of [
      ['state', 'cart-1', '--at-version', '9'],
      ['replay', 'cart-1', '--to', '9'],
      ['blame', 'cart-1', '--at-version', '9'],
      ['whatif', 'cart-1', '--skip', '9'],
      ['diff', 'cart-1', '0', '9'],
    ]) {
      expect(await refused(argv)).toMatchObject({
        exitCode: 1,
        code: 'BACKSTORY_VERSION_OUT_OF_RANGE',
        facts: { stream: 'cart-1', wanted: 9, actual: 4 },
      });
    }
  });

  test('a path that the state never had says what there is in its place', async () => {
    for (const more of [[], ['--history']]) {
      expect(await refused(['blame', 'cart-1', 'prices.pan', ...more])).toMatchObject({
        exitCode: 1,
        code: 'BACKSTORY_NO_SUCH_PATH',
        facts: { path: 'prices.pan', version: 4, known: ['prices["a.b"]', 'prices.pen'] },
      });
    }
    expect(await refused(['blame', 'cart-1', 'a..b'])).toMatchObject({
      exitCode: 2,
      code: 'BACKSTORY_INVALID_QUERY',
    });
  });

  test('a flow that is not there, even where it is called like a verb', async () => {
    const code = 'BACKSTORY_FLOW_NOT_FOUND';
    expect(await refused(['trace', 'nope'])).toMatchObject({ exitCode: 1, code, verb: 'trace' });
    expect(await refused(['trace', 'state'])).toMatchObject({ exitCode: 1, code, verb: 'trace' });
  });

  test('a fold that throws names stream, version, event type and handler', async () => {
    await app.record('cart-1', [new Broken('throw')]);
    expect(await refused(['state', 'cart-1'])).toMatchObject({
      exitCode: 1,
      code: 'BACKSTORY_FOLD_FAILED',
      facts: { stream: 'cart-1', version: 5, type: 'cart.broken', handler: 'Cart.broken' },
    });
  });

  test('an event of a type that the application does not know', async () => {
    @DomainEvent('cart.unheard-of')
    class UnheardOf {}
    const other = defineBackstory({ name: 'other', store: definition.store, events: [UnheardOf] });
    const recording = await other.start({ schedules: false });
    await recording.record('cart-1', [new UnheardOf()]);
    expect(await refused(['diff', 'cart-1', '0', '5'])).toMatchObject({
      exitCode: 1,
      code: 'BACKSTORY_UNKNOWN_EVENT_TYPE',
      facts: { type: 'cart.unheard-of', stream: 'cart-1', version: 5 },
    });
    expect((await runCli(['events', '--type', 'cart.unheard-of'], { definition })).exitCode).toBe(0);
  });

  test('before anything of a list was written is told as any other', async () => {
    await app.record('cart-4', [new Broken('nan')]);
    expect(await refused(['replay', 'cart-4'])).toMatchObject({
      exitCode: 1,
      code: 'BACKSTORY_UNREADABLE_STATE',
    });
  });

  test('in the middle of a list leaves the JSON document without its end and is told on stderr', async () => {
    await app.record('cart-4', [...[...Array<null>(150)].map(() => new Noted('x')), new Broken('nan')]);
    const { exitCode, stdout, stderr } = await runCli(['replay', 'cart-4', '--json'], { definition });
    expect(exitCode).toBe(1);
    expect(stdout.match(/cart\.noted/g)).toHaveLength(100);
    expect(() => JSON.parse(stdout) as unknown).toThrow(SyntaxError);
    expect(stderr).toMatch(/^error: cart-4 at version 151 \(cart.broken\): /);
  });
});

describe('a store or configuration that cannot be used ends with exit code 3', () => {
  test('no configuration, for verbs that fold and for those that only read', async () => {
    for (const argv of [['state', 'cart-1'], ['events'], ['stats']]) {
      const found = await refused(argv, { cwd: '/' });
      expect(found).toMatchObject({
        exitCode: 3,
        code: 'BACKSTORY_CONFIGURATION',
        facts: { problem: 'missing' },
      });
      expect(found.message).toContain(
        'There is no backstory.config.ts in / or above it: give one with --config',
      );
    }
    const withStore = await refused(['state', 'cart-1', '--store', 'sqlite:x.db'], { cwd: '/' });
    expect(withStore.message).toContain('--store sqlite:<file> is enough');
  });

  test('a category that no aggregate of the application folds', async () => {
    expect(await refused(['state', 'payment-9'])).toMatchObject({
      exitCode: 3,
      code: 'BACKSTORY_NO_AGGREGATE',
      facts: { category: 'payment', known: ['cart'] },
    });
  });

  test('a file that is not there, which is not made', async () => {
    const cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cli-'));
    expect(await refused(['events', '--store', 'sqlite:nowhere.db'], { cwd })).toMatchObject({
      exitCode: 3,
      code: 'BACKSTORY_STORE_UNUSABLE',
      facts: { problem: 'missing' },
    });
    expect(fs.readdirSync(cwd)).toEqual([]);
    fs.rmSync(cwd, { recursive: true });
  });
});

test('the store is opened for reading only, and closed whatever happens', async () => {
  const seen: unknown[] = [];
  const spied = {
    ...definition,
    store: {
      description: 'spied',
      open: async (options: unknown) => {
        seen.push(options);
        return { events: app.events, state: app.state, close: async () => void seen.push('closed') };
      },
    },
  };
  for (const argv of [['events'], ['state', 'cart-1'], ['state', 'nope']])
    await runCli(argv, { definition: spied });
  const once = [{ readOnly: true }, 'closed'];
  expect(seen).toEqual([...once, ...once, ...once]);
});

describe('what nobody expected', () => {
  const broken = () => ({
    ...definition,
    name: 'broken',
    aggregates: [Cart],
    store: { description: 'broken', open: () => Promise.reject(new TypeError('x is not a function')) },
  });

  test('is called a defect, without its stack', async () => {
    const found = await refused(['events'], { definition: broken() });
    expect(found).toMatchObject({ exitCode: 70, code: 'BACKSTORY_DEFECT', facts: {} });
    expect(found.message).toMatch(
      /^Unexpected TypeError: x is not a function\. This is a defect of Backstory/,
    );
  });

  test('shows its stack with --debug, as expected failures do', async () => {
    const { stderr } = await runCli(['events', '--debug'], { definition: broken() });
    expect(stderr).toMatch(/\n {4}at /);
    expect((await runCli(['state', 'card-1', '--debug'], { definition })).stderr).toMatch(/\n {4}at /);
    expect((await runCli(['state', 'card-1'], { definition })).stderr).not.toMatch(/\n {4}at /);
  });
});

test('an interrupted command ends with exit code 130', async () => {
  const signal = AbortSignal.abort();
  for (const argv of [['events'], ['state', 'cart-1'], ['stats'], ['replay', 'cart-1']])
    expect((await runCli(argv, { definition, signal })).exitCode).toBe(130);
});

test('an error from another copy of a package is known by its code', () => {
  const foreign = Object.assign(new Error('There is no stream'), {
    code: 'BACKSTORY_STREAM_NOT_FOUND',
    facts: { a: 1 },
  });
  expect(failureOf(foreign)).toMatchObject({ exitCode: 1, facts: { a: 1 } });
  expect(failureOf(Object.assign(new Error('no'), { code: 'ENOENT' }))).toMatchObject({ exitCode: 70 });
  expect(failureOf('thrown text').message).toContain('thrown text');
});

test('an application whose log is empty is fine', async () => {
  const empty = defineBackstory({ name: 'empty', store: memory(), aggregates: [Cart] });
  expect(await runCli(['events'], { definition: empty })).toEqual({
    exitCode: 0,
    stdout: '',
    stderr: 'There are no such events in this log.\n',
  });
  expect((await runCli(['stats'], { definition: empty })).stdout).toContain('events             0');
});

test('facts that are no JSON are left out rather than the document', async () => {
  const facts: Record<string, unknown> = { big: 1n };
  const error = Object.assign(new Error('no'), { code: 'BACKSTORY_OWN', facts });
  const store = { description: 'own', open: () => Promise.reject(error) };
  const { envelope } = await runJson(['streams'], { definition: { ...definition, store } });
  expect(envelope.error).toEqual({ code: 'BACKSTORY_OWN', message: 'no', facts: {} });
});

test.each([null, undefined, 7, 'text'])('%p thrown is told like anything unexpected', (thrown) => {
  expect(failureOf(thrown)).toMatchObject({ exitCode: 70, code: 'BACKSTORY_DEFECT' });
});
