/* eslint-disable no-control-regex -- control characters are what is looked for */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sqlite } from '@backstory/sqlite';
import { Pty, type PtyOptions } from '../../../../test/support/pty';
import {
  Broken,
  LineAdded,
  LineRemoved,
  Noted,
  Opened,
  PaymentTaken,
  Priced,
  shopOn,
} from '../../../../test/support/shop';

// The real executable in a real terminal, hence what was built.
const BIN = path.resolve(__dirname, '../../bin/backstory.js');
const NASTY =
  'a\u001b[2J\u009b2Jb\u0007\nc\u202ed \u001b]0;x\u0007 世界🎉👩‍👩‍👧 e\u0301' + 'o\u0300'.repeat(3_000);

let folder: string;
let pty: Pty;

beforeAll(async () => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-interactive-')));
  fs.writeFileSync(path.join(folder, 'backstory.config.ts'), CONFIG);
  const failing = `${CONFIG} setTimeout(() => { throw new Error('no broker'); }, 500);`;
  fs.writeFileSync(path.join(folder, 'failing.ts'), failing);
  await shopOn(sqlite(path.join(folder, 'shop.db'))).run(async (app) => {
    await app.record('cart-1', [
      new Opened('Ann'),
      new LineAdded('pen', 2),
      new Priced({ pen: 3, 'a.b': 1 }),
    ]);
    await app.record('cart-1', [new LineAdded('ink', 1), new Noted('busy'), new LineAdded('ink', 4)]);
    const metadata = { actor: NASTY, command: NASTY, [NASTY]: NASTY };
    await app.record('cart-hostile', [new Opened(NASTY), new LineAdded(NASTY, 1)], { metadata });
    await app.record('cart-broken', [new Opened('Bob'), new Broken('throw'), new Noted('after')]);
    await app.record('cart-live', [new Opened('Liv')]);
    await app.record('payment-1', [new PaymentTaken(7)]);
    await app.record(
      'cart-slow',
      Array.from({ length: 400 }, () => new LineRemoved('slowly')),
    );
    await app.record('cart-exit', [new Opened('Eve'), new LineRemoved('exit')]);
    for (let i = 0; i < 40; i++)
      await app.record(
        'cart-long',
        Array.from({ length: 500 }, (_, j) => new Priced({ pen: 500 * i + j })),
      );
  });
});
afterAll(() => fs.rmSync(folder, { recursive: true }));
afterEach(() => pty?.kill());

// A handler that prints, as one does who looks for a mistake.
const CONFIG = `
import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate, Ignores, defineBackstory, sqlite } from 'backstory';
@DomainEvent('cart.opened') class Opened { constructor(readonly owner: string) {} }
@DomainEvent('cart.line-added') class LineAdded { constructor(readonly sku: string, readonly quantity: number) {} }
@DomainEvent('cart.line-removed') class LineRemoved { constructor(readonly sku: string) {} }
@DomainEvent('cart.priced') class Priced { constructor(readonly prices: Record<string, number>) {} }
@DomainEvent('cart.noted') class Noted { constructor(readonly text: string) {} }
@DomainEvent('cart.broken') class Broken { constructor(readonly how: string) {} }
@Aggregate('cart') @Ignores(Noted)
class Cart extends EventSourcedAggregate {
  owner?: string;
  lines: { sku: string; quantity: number }[] = [];
  prices: Record<string, number> = {};
  @EventHandler(Opened) protected opened({ owner }: Opened) { console.log('opened by', owner.slice(0, 3)); this.owner = owner; }
  @EventHandler(LineAdded) protected added({ sku, quantity }: LineAdded) {
    const line = this.lines.find((it) => it.sku === sku);
    if (line) line.quantity += quantity; else this.lines.push({ sku, quantity });
  }
  @EventHandler(LineRemoved) protected removed({ sku }: LineRemoved) {
    if (sku === 'exit') process.exit(0);
    for (const until = Date.now() + 25; Date.now() < until;);
  }
  @EventHandler(Priced) protected priced({ prices }: Priced) { this.prices = { ...prices }; }
  @EventHandler(Broken) protected broken() { throw new RangeError('no such shelf'); }
}
export default defineBackstory({ name: 'shop', store: sqlite('shop.db'), aggregates: [Cart] });
`;

const COMMAND = `"${process.execPath}" "${BIN}" replay`;

function open(line: string, options: Partial<PtyOptions> = {}): Pty {
  return (pty = new Pty(line, { cwd: folder, ...options }));
}

/** Opened at its first event, and seen. */
async function opened(stream = 'cart-1', options: Partial<PtyOptions> = {}): Promise<Pty> {
  open(`${COMMAND} ${stream} --interactive`, options);
  await pty.until(/ v1 of \d/);
  return pty;
}

const typed = async (keys: string, wanted: Parameters<Pty['until']>[0]) => {
  pty.type(keys);
  return pty.until(wanted);
};

test('u replays until something holds, U until it holds again, and both say where it does not', async () => {
  await opened('cart-long');
  await typed('uprices.pen % 1000 == 700\r', ' v701 of 20000');
  await typed('U', ' v1701 of 20000');
  await typed('u\u0015prices.pen == 5\r', 'It does not begin to hold later: prices.pen == 5');
  await typed('uprices.pen ==\r', /v1701 of 20000[^]*(expected|Expected|cannot|expression)/);
  await typed('g', ' v1 of 20000');
  await typed('uprices.pen == 5\r', ' v6 of 20000');
});

test('t finds the next event with a text, n and N go on with it, and it says where there is none', async () => {
  await opened();
  await typed('tLINE-ADDED\r', ' v2 of 6');
  await typed('n', ' v4 of 6');
  await typed('n', ' v6 of 6');
  await typed('n', 'No later event with "LINE-ADDED".');
  await typed('N', ' v4 of 6');
  await typed('N', ' v2 of 6');
  await typed('N', 'No earlier event with "LINE-ADDED".');
});

test('U asks where nothing was asked yet', async () => {
  await opened();
  await typed('U', /until/i);
  await typed('lines.length > 1\r', ' v4 of 6');
});

describe('on the screen', () => {
  test('is an event, what it changed, and the state, at 80 columns and 24 rows', async () => {
    await opened();
    const lines = await typed('2g', ' v2 of 6');
    expect(
      lines.map((line) => line.replace(/20\d\d-.*?Z/, '<time>').replace(/[0-9a-f-]{36}/, '<id>')),
    ).toEqual([
      `${' cart-1'.padEnd(71)} v2 of 6`,
      expect.stringMatching(/^── cart\.line-added {2}<time> {2}position 2 ─+$/),
      '  data  {"sku":"pen","quantity":2}',
      '  correlation  <id>',
      expect.stringMatching(/^── changed ─{69}$/),
      '  + lines[0]  {"sku":"pen","quantity":2}',
      expect.stringMatching(/^──\[state\]─{71}$/),
      '{',
      '  "owner": "Ann",',
      '  "lines": [',
      '    {',
      '      "sku": "pen",',
      '      "quantity": 2',
      '    }',
      '  ],',
      '  "prices": {}',
      '}',
      ...Array<string>(6).fill(''),
      'h l step  g G first/last  : go  / t u find  n N again  w watch  ? help  q quit',
    ]);
  });

  test('one steps on and back, to the ends, to versions and times, and to where a value changes', async () => {
    await opened();
    await typed('l', 'v2 of 6');
    await typed('\u001b[C', 'v3 of 6');
    await typed('\u001bOC', 'v4 of 6');
    await typed('h', 'v3 of 6');
    await typed('2h', 'v1 of 6');
    await typed('h', 'before the first event');
    await typed('h', 'This is before the first event.');
    await typed('G', 'v6 of 6');
    await typed(' ', 'This is the last event.');
    await typed('g', 'v1 of 6');
    await typed(':4\r', 'v4 of 6');
    await typed(':99\r', 'cart-1 is at version 6, so it has no version 99');
    await typed(':2020-01-01\r', 'v0 of 6');
    await typed(':soon\r', 'Give a date or time in ISO 8601');
    await typed('/lines[1].quantity\r', 'v4 of 6');
    await typed('n', 'v6 of 6');
    await typed('n', 'No later change of lines[1].quantity.');
    await typed('N', 'v4 of 6');
    await typed('wpri\t\r', ' * prices  {"pen":3,"a.b":1}');
    await typed('/\u0015\rN', /v3 of 6[^]*prices {2}\{"pen":3,"a\.b":1\} {2}was \{\}/);
    await typed('?', 'which part scrolls');
    await typed('x', 'v3 of 6');
    pty.type('q');
    expect(await pty.end()).toBe(0);
  });

  test('an event that cannot be folded is shown, and one steps past it and back', async () => {
    await opened('cart-broken');
    await typed('l', /v2 of 3[^]*no such shelf/);
    await typed('l', /v3 of 3[^]*"after"[^]*not known since version 2/);
    await typed('hh', /v1 of 3[^]*"owner": "Bob"/);
  });

  test('a stream that no aggregate folds shows its events', async () => {
    await opened('payment-1');
    await pty.until(/"amount":7[^]*No aggregate folds the category "payment"/);
    await typed('/x\r', (lines) => lines.at(-2)!.startsWith('No aggregate folds'));
  });

  test('new events appear, and following goes along with them', async () => {
    await opened('cart-live');
    const record = (event: object) =>
      shopOn(sqlite(path.join(folder, 'shop.db'))).run((app) => app.record('cart-live', [event]));
    await record(new LineAdded('pen', 1));
    await pty.until('v1 of 2');
    await typed('F', 'v2 of 2, following');
    await record(new LineAdded('nib', 1));
    await pty.until(/v3 of 3, following[^]*"nib"/);
    await typed('h', (lines) => lines[0]!.endsWith(' v2 of 3'));
  });

  test('a long way is shown and stopped by Ctrl-C, which ends nothing else', async () => {
    await opened('cart-slow');
    await typed('G', /Going to the last version: \d+ % {2}\(Ctrl-C stops\)/);
    await typed('\u0003', 'Stopped.');
    expect(pty.lines()[0]).toContain('v1 of 400');
    await typed('/nothing\r', /Looking for a later change of nothing: \d+ %/);
    await typed('\u0003', 'Stopped.');
    await typed('l', 'v2 of 400');
    // It need not be waited for.
    await typed('G', 'Going to the last version');
    pty.type('q');
    expect(await pty.end()).toBe(0);
  });

  test('ten thousand keys at once are keys, or, where the terminal says they were pasted, none', async () => {
    await opened('cart-long');
    await typed('l'.repeat(10_000), ' v10001 of 20000');
    await typed(`\u001b[200~${'q'.repeat(10_000)}\u001b[201~h`, ' v10000 of 20000');
    pty.type('j'.repeat(50_000));
    await typed('\u0003', 'Press q to leave.');
    await typed('g', ' v1 of 20000');
  });

  test('going back from the end of a long stream does not begin at its beginning', async () => {
    await opened('cart-long');
    await typed('G', ' v20000 of 20000');
    for (const version of [19_999, 19_998, 19_997]) await typed('h', ` v${version} of 20000`);
    await typed('/prices.ink\rN', 'No earlier change of prices.ink.');
  });

  test('is nothing of what the application prints, which follows when the screen is gone', async () => {
    await opened();
    expect(pty.lines().join()).not.toContain('opened by');
    pty.type('q');
    expect(await pty.end()).toBe(0);
    await pty.until('opened by Ann');
  });
});

describe('text of others cannot break the screen', () => {
  test.each([
    ['UTF-8', {}],
    ['C', { LC_ALL: 'C' }],
  ])('in a %s locale', async (_, env) => {
    await opened('cart-hostile', { env });
    const whole = (lines: readonly string[]) =>
      /^ cart-hostile {2,}v\d of 2$/.test(lines[0]!) && lines.some((it) => /^..[[ ]state[\] ]/.test(it));
    for (const keys of [
      'l',
      '\t',
      'z',
      'j',
      '\u001b[6~',
      '\t',
      '\t',
      'wowner\r',
      `/${'世🎉\u202e'.repeat(60)}`,
    ]) {
      const before = pty.text.length;
      await typed(keys, () => pty.text.length > before);
      await pty.until(whole);
      expect(pty.screen.buffer.active.length).toBe(24);
      // Terminals do not agree how wide a character is.
      expect(pty.screen.modes.wraparoundMode).toBe(false);
    }
    // Nothing but what draws: positions, erasing, colours, the modes of the screen.
    const drawn = pty.text.replace(/\u001b\[(\d+(;\d+)*)?[HKJm]|\u001b\[\?(1049|7|2004|25)[hl]/g, '');
    expect(drawn).not.toMatch(
      /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/,
    );
    if ('LC_ALL' in env) expect(drawn).not.toMatch(/[^\x00-\x7e]/);
  });
});

describe('the screen', () => {
  const stty = (size: string) =>
    spawn('stty', ['-F', fs.readFileSync(path.join(folder, 'tty'), 'utf8').trim(), ...size.split(' ')]);

  test('takes the size that its terminal has by then, however small', async () => {
    open(`tty > tty; ${COMMAND} cart-1 --interactive`);
    await pty.until('v1 of 6');
    for (const [rows, columns] of [
      [3, 10],
      [1, 1],
      [2, 3],
      [50, 200],
      [24, 80],
    ] as const) {
      pty.screen.resize(columns, rows);
      await once(stty(`rows ${rows} cols ${columns}`), 'close');
      // Nobody presses a key for it.
      if (rows > 20) await pty.until((lines) => lines.length === rows && /q quit$/.test(lines.at(-1)!));
      if (rows === 3)
        expect(await typed('2g', /v2/)).toEqual(['  v2 of 6', expect.any(String), expect.any(String)]);
      if (rows === 50) await typed('3g', ' v3 of 6');
    }
    await typed('4g', / v4 of 6[^]*q quit$/);
  });

  test.each([
    ['NO_COLOR', { NO_COLOR: '1' }],
    ['an old terminal', { TERM: 'vt100' }],
  ])('needs no more than %s allows', async (_, env) => {
    await opened('cart-1', { env });
    await typed('l', 'v2 of 6');
    if ('NO_COLOR' in env) expect(pty.text).not.toMatch(/\u001b\[[1-9][0-9;]*m/);
    pty.type('q');
    expect(await pty.end()).toBe(0);
  });

  test.each([
    ['a terminal that can do nothing', '', { TERM: 'dumb' }],
    ['no terminal to write to', '| cat', {}],
    ['no terminal to read from', '< /dev/null', {}],
  ])('is refused with %s, saying what to do instead', async (_, rest, env) => {
    open(`${COMMAND} cart-1 --interactive ${rest}; echo`, { env });
    await pty.end();
    expect(pty.text.replace(/\u001b\[\d+m/g, '')).toMatch(
      /^error: --interactive needs a terminal[^]*prints every step\.\s+$/,
    );
    expect(pty.text).not.toContain('\u001b[?');
  });

  test.each([
    [
      'a stream that is not there',
      'cart-11 --interactive',
      1,
      'There is no stream "cart-11": did you mean cart-1',
    ],
    ['a version that is not there', 'cart-1 -i --from 7', 1, 'choose one from 1 to 6'],
    ['a last version', 'cart-1 -i --to 3', 2, 'either --interactive or --to'],
    ['JSON', 'cart-1 -i --json', 2, 'either --interactive or --json'],
  ])('is not opened for %s', async (_, line, exitCode, text) => {
    open(`${COMMAND} ${line}`);
    expect(await pty.end()).toBe(exitCode);
    expect(pty.text).toContain(text);
    expect(pty.text).not.toContain('\u001b[?');
  });
});

describe('the terminal is given back as it was', () => {
  const START = `stty -g > before; sh -c 'echo $$ > pid; exec "$@"' sh ${COMMAND} cart-1 --interactive`;
  const END = `echo $? > code; stty -g > after; echo OVER`;
  const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8').trim();

  async function givenBack() {
    await pty.until('OVER');
    expect(read('after')).toBe(read('before'));
    expect(pty.screen.buffer.active.type).toBe('normal');
    expect(pty.screen.modes).toMatchObject({ bracketedPasteMode: false, wraparoundMode: true });
    expect(pty.text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(pty.text.lastIndexOf('\u001b[?25l'));
    return Number(read('code'));
  }

  test('when one leaves, and by Ctrl-C only after saying so', async () => {
    open(`${START}; ${END}`);
    await pty.until('v1 of 6');
    await typed('\u0003', 'Press q to leave.');
    pty.type('q');
    expect(await givenBack()).toBe(0);
  });

  test('when the application ends the process, and what is said of that is seen', async () => {
    open(`${START.replace('cart-1', 'cart-exit')}; ${END}`);
    await pty.until('v1 of 2');
    pty.type('l');
    expect(await givenBack()).toBe(3);
    expect(pty.lines().join('\n')).toContain('The application ended the process');
  });

  test('when something fails that nobody waits for', async () => {
    open(`${START.replace('cart-1', 'cart-1 --config failing.ts')}; ${END}`);
    expect(await givenBack()).toBe(3);
    expect(pty.lines().join('\n')).toContain('no broker');
  });

  test('to the shell on Ctrl-Z, and is taken again', async () => {
    open(
      `set -m; stty -g > before; ${COMMAND} cart-1 --interactive; stty -g > after; echo STOPPED; read go; fg; ${END}`,
    );
    await typed('2g', 'v2 of 6');
    await typed('\u001a', 'STOPPED');
    expect(read('after')).toBe(read('before'));
    expect(pty.screen.buffer.active.type).toBe('normal');
    await typed('\n', 'v2 of 6');
    expect(pty.screen.buffer.active.type).toBe('alternate');
    await typed('l', 'v3 of 6');
    pty.type('q');
    expect(await givenBack()).toBe(0);
  });

  test('and taken again where nobody can be stopped', async () => {
    await opened();
    await typed('\u001a', () => pty.text.split('\u001b[?1049h').length === 3);
    await typed('l', 'v2 of 6');
  });

  test.each([
    ['SIGTERM', 130],
    ['SIGINT', 130],
    ['SIGHUP', 130],
    ['SIGQUIT', 130],
  ] as const)('on %s', async (signal, exitCode) => {
    open(`${START}; ${END}`);
    await pty.until('v1 of 6');
    process.kill(Number(read('pid')), signal);
    expect(await givenBack()).toBe(exitCode);
  });
});
