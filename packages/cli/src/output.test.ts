import { Writable } from 'node:stream';
import { MemoryEventStore } from '@backstory/core/store';
import { MemoryStateStore } from '@backstory/core/state';
import {
  Noted,
  Opened,
  fillShop,
  openShop,
  shopOn,
  type Shop,
  type ShopApp,
} from '../../../test/support/shop';
import { Terminal, runCli } from '../../../test/support/run-cli';
import { cut, jsonText, printable } from './printable.js';
import { VERBS } from './verbs.js';

let definition: Shop;
let app: ShopApp;

beforeEach(async () => {
  ({ definition, app } = await openShop());
});

describe('text of others', () => {
  // Clears the screen, C1's form of the same, a bell, a line feed, text turned around.
  const nasty = 'a\u001b[2J\u009b2Jb\u0007\nc\u202edcba\u2067\u2069\u200f\u061c\u2028';
  const unsafe =
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

  test('cannot reach the terminal from any verb, for people or as JSON', async () => {
    const metadata = { actor: nasty, command: nasty, [nasty]: nasty, correlationId: 'flow\u202e1' };
    await app.record('cart-1', [new Opened(nasty), new Noted(nasty)], { metadata });
    // Names have no controls, but may turn text around.
    await app.record('cart-\u202e2', [new Noted('x')], { metadata });
    const verbs = [
      ['streams'],
      ['events'],
      ['events', '--full'],
      ['state', 'cart-1'],
      ['replay', 'cart-1'],
      ['diff', 'cart-1', '0', '1'],
      ['trace', 'flow\u202e1'],
      ['stats'],
      ['state', nasty],
      ['state', 'cart-1', '--at', nasty],
      [nasty],
      ['trace', nasty, '--debug'],
    ];
    for (const argv of verbs.flatMap((it) => [it, [...it, '--json']])) {
      const { stdout, stderr } = await runCli(argv, { definition });
      const text = stdout + stderr;
      expect(text.length).toBeGreaterThan(0);
      // Nor can it pretend to be a line of its own.
      if (!argv.includes('--debug')) expect(stderr).toMatch(/^(error: .*\n( {7}.*\n)*)?$/);
      expect(text).not.toMatch(unsafe);
    }
    const { stdout } = await runCli(['state', 'cart-1', '--json'], { definition });
    expect(JSON.parse(stdout).data.state.owner).toBe(nasty);
    expect((await runCli(['replay', 'cart-1'], { definition })).stdout).toContain(
      'by a\\u001b[2J\\u009b2Jb\\u0007\\u000ac',
    );
  });

  test('is written out where it is unsafe and left alone where it is not', () => {
    expect(printable('Grüße, 世界 🎉\t')).toBe('Grüße, 世界 🎉\\u0009');
    expect(printable('\ud800')).toBe('\\ud800');
    expect(jsonText({ a: '\u009b\u2028"\\' })).toBe('{"a":"\\u009b\\u2028\\"\\\\"}');
    expect(JSON.parse(jsonText({ a: '\u009b\u2028"\\' }))).toEqual({ a: '\u009b\u2028"\\' });
  });

  test('is cut between characters, never inside one', () => {
    expect(cut('🎉🎉🎉', 3)).toBe('🎉🎉🎉');
    expect(cut('🎉🎉🎉', 2)).toBe('🎉…');
    expect(cut('abc', 0)).toBe('…');
  });
});

describe('colours', () => {
  const ESC = '\u001b[';
  const colored = async (stdout: Terminal | undefined, env: Record<string, string>) => {
    await fillShop((await openShop()).app);
    const out = stdout ?? new Terminal();
    const { stdout: collected } = await runCli(['events'], {
      definition,
      env,
      ...(stdout ? { stdout: out } : {}),
    });
    return (stdout ? out.text : collected).includes(ESC);
  };

  beforeEach(() => fillShop(app));

  test('are for terminals, unless the environment says otherwise', async () => {
    expect(await colored(new Terminal(), {})).toBe(true);
    expect(await colored(undefined, {})).toBe(false);
    expect(await colored(new Terminal(), { NO_COLOR: '1' })).toBe(false);
    expect(await colored(new Terminal(), { NO_COLOR: '' })).toBe(true);
    expect(await colored(new Terminal(), { TERM: 'dumb' })).toBe(false);
    expect(await colored(undefined, { FORCE_COLOR: '1' })).toBe(true);
    expect(await colored(new Terminal(), { FORCE_COLOR: '0' })).toBe(false);
  });

  test('are never in JSON', async () => {
    const { stdout } = await runCli(['events', '--json'], { definition, env: { FORCE_COLOR: '1' } });
    expect(stdout).not.toContain(ESC);
  });
});

test('long work shows its progress on a terminal, and nothing in a pipe', async () => {
  await fillShop(app);
  const stderr = new Terminal();
  const onTerminal = await runCli(['stats'], { definition, stderr });
  expect(stderr.text).toContain('Counting');
  expect(onTerminal.stdout).not.toContain('Counting');
  expect((await runCli(['stats'], { definition })).stderr).toBe('');
});

test('lists are written as the reader takes them, so that memory stays flat', async () => {
  let read = 0;
  const store = new MemoryEventStore();
  const readAll = store.readAll.bind(store);
  store.readAll = async function* (query) {
    for await (const page of readAll(query)) {
      read += page.events.length;
      yield page;
    }
  };
  const state = new MemoryStateStore();
  const shop = shopOn({
    description: 'counted',
    open: async () => ({ events: store, state, close: async () => undefined }),
  });
  const filled = await shop.start({ schedules: false });
  for (let i = 0; i < 10; i++)
    await filled.record(
      'cart-1',
      [...Array<null>(1_000)].map(() => new Noted('x')),
    );

  let release = () => undefined as void;
  const reached = new Promise<void>((resolve) => {
    const stdout = new Writable({
      highWaterMark: 1,
      // The reader takes the first part and then nothing until it is released.
      write: (_chunk, _encoding, done) => {
        release = done;
        resolve();
      },
    });
    void runCli(['events', '--json'], { definition: shop, stdout });
  });
  await reached;
  for (let i = 0; i < 20; i++) await new Promise((turn) => setImmediate(turn));
  expect(read).toBeLessThan(2_000);
  release();
});

const WITHOUT_STORE = ['init', 'completion'];
/** Their notes need more than 80 columns. */
const WIDE = [
  'verify',
  'lifecycle',
  'health',
  'monitor',
  'alerts',
  'route',
  'capture',
  'export',
  'import',
  'store',
  'subscriptions',
  'dead-letters',
  'schedules',
  'projections',
  'audit',
  'init',
];

test('every verb has help with arguments, options and examples, and the command has a version', async () => {
  const root = await runCli(['--help']);
  expect(root).toMatchObject({ exitCode: 0, stderr: '' });
  for (const { name: verb } of VERBS) {
    expect(root.stdout).toMatch(new RegExp(`^  ${verb}\\b`, 'm'));
    const help = await runCli([verb, '--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain(`Usage: backstory ${verb} [options]`);
    expect(help.stdout).toContain('Examples:\n');
    expect(help.stdout).toMatch(new RegExp(`^  (.* )?backstory ${verb}\\b`, 'm'));
    if (!WITHOUT_STORE.includes(verb)) expect(help.stdout).toContain('--store <store>');
    const isNarrow = help.stdout.split('\n').every((it) => it.length <= 80);
    expect([verb, isNarrow || WIDE.includes(verb)]).toEqual([verb, true]);
    expect((await runCli(['help', verb])).stdout).toBe(help.stdout);
  }
  for (const { name: verb, load } of VERBS)
    for (const [action, { usage, options = [] }] of Object.entries((await load()).actions ?? {})) {
      const help = await runCli([verb, action, '--help']);
      expect(help.stdout).toContain(`Usage: backstory ${verb} ${usage} [options]\n`);
      expect(help.stdout).toContain(`  backstory ${verb} ${action} `);
      const all = (await load()).options!.map(({ flags }) => flags);
      const own = options.map(({ flags }) => flags);
      expect(all.filter((it) => help.stdout.includes(`\n  ${it} `))).toEqual(own);
      expect(help.stdout.split('\n').filter((it) => it.length > 85)).toEqual([]);
      expect((await runCli([verb, '-h', action])).stdout).toBe(help.stdout);
    }
  expect(await runCli(['--version'])).toEqual({ exitCode: 0, stderr: '', stdout: '0.1.0\n' });
});
