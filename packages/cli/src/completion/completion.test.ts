import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sqlite } from '@backstory/sqlite';
import fc from 'fast-check';
import { Noted, shopOn } from '../../../../test/support/shop';
import { runCli } from '../../../../test/support/run-cli';
import { VERBS } from '../verbs.js';
import { readBashLine } from './bash-line.js';

// Names are looked up in a process of its own, hence with what was built.
let folder: string;
const env = { ...process.env, BACKSTORY_COMPLETION_MS: '30000' };

beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-completion-'))));
afterEach(() => fs.rmSync(folder, { recursive: true }));

async function ask(words: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const argv = ['completion', 'fish', '--', 'backstory', ...words];
  const ran = await runCli(argv, { cwd: folder, env: { ...env, ...more } });
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  const [kind, ...lines] = ran.stdout.trimEnd().split('\n');
  return { kind, lines, values: lines.map((it) => it.split('\t')[0]) };
}
const valuesOf = async (...words: string[]) => (await ask(words)).values;

async function record(...streams: string[]) {
  const shop = shopOn(sqlite(path.join(folder, 'log.db')));
  await shop.run(async (app) => {
    for (const stream of streams) await app.record(stream, [new Noted('x')]);
  });
}
const configured = (text: string) => fs.writeFileSync(path.join(folder, 'backstory.config.ts'), text);

describe('what may follow', () => {
  test('is every verb, each with its summary', async () => {
    expect((await ask([''])).lines).toEqual([
      ...VERBS.map(({ name, summary }) => `${name}\t${summary}`),
      'help\tprint help for a verb',
    ]);
    expect(await valuesOf('st')).toEqual(['streams', 'state', 'stats', 'store']);
    expect(await valuesOf('help', 'st')).toEqual(['streams', 'state', 'stats', 'store']);
  });

  test.each(VERBS.map(({ name }) => name))('is every option that the help of %s has', async (verb) => {
    const { stdout } = await runCli([verb, '--help']);
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, it]) => it!);
    expect(options).toEqual(expect.arrayContaining(['--json', '--store', '--help']));
    expect((await valuesOf(verb, '--')).sort()).toEqual(options.sort());
  });

  test('is no option that was given, unless it may be repeated', async () => {
    const left = await valuesOf('events', '--json', '--type', 'x', '--limit=3', '--store', 'sqlite:x', '--');
    expect(left).toEqual(expect.arrayContaining(['--type', '--stream', '--all']));
    for (const given of ['--json', '--limit', '--store']) expect(left).not.toContain(given);
  });

  test('is a closed set where there is one, and nothing where nothing is known', async () => {
    expect(await valuesOf('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    for (const words of [
      ['nonsense', ''],
      ['state', '--at', ''],
      ['state', 'x', 'y'],
      ['diff', 'x', ''],
      ['st', '--'],
    ])
      expect({ words, values: await valuesOf(...words) }).toEqual({ words, values: [] });
    expect(await valuesOf('stats', '')).toContain('--system');
  });

  test('is a file where there should be one, and the store of a file', async () => {
    expect(await ask(['state', '--config', 'x'])).toEqual({ kind: 'files 0', lines: [], values: [] });
    expect((await ask(['--config=x'])).kind).toBe('files 9');
    expect(await ask(['init', ''])).toMatchObject({ kind: 'files 0' });
    expect(await ask(['--store', 's'])).toMatchObject({ kind: 'open 0', values: ['sqlite:'] });
    expect((await ask(['--store', 'sqlite:x'])).kind).toBe('files 7');
    expect((await ask(['--store=sqlite:x'])).kind).toBe('files 15');
  });

  test('is left to the shell when the command is another one', async () => {
    const { stdout } = await runCli(['completion', 'fish', '--', 'npx', 'jest', ''], { cwd: folder, env });
    expect(stdout).toBe('files 0\n');
  });
});

describe('names', () => {
  test('of streams, categories and types are those of the log, wherever it is said which', async () => {
    await record('cart-1', 'cart-2', 'carton-1', 'order-7', 'single');
    const log = ['--store', 'sqlite:log.db'];
    expect(await valuesOf(...log, 'state', 'cart')).toEqual(['cart-1', 'cart-2', 'carton-1']);
    expect(await valuesOf('events', ...log, '--stream', 'cart-1')).toEqual(['cart-1']);
    expect(await valuesOf('events', '--store=sqlite:log.db', '--category=c')).toEqual([
      '--category=cart',
      '--category=carton',
    ]);
    expect(await valuesOf('streams', ...log, '--category', '')).toEqual([
      'cart',
      'carton',
      'order',
      'single',
    ]);
    expect(await valuesOf('tail', ...log, '--type', '')).toEqual(['cart.noted']);
    expect(await valuesOf('replay', ...log, 'nothing')).toEqual([]);
  });

  test('come from the log of the application, found as the command finds it', async () => {
    await record('cart-1');
    fs.mkdirSync(path.join(folder, 'deep'));
    configured(
      "import { defineBackstory, sqlite } from 'backstory';\nconsole.log('talks');\nconsole.error('talks');\n" +
        "export default defineBackstory({ name: 'x', store: sqlite('log.db') });",
    );
    const before = fs.readFileSync(path.join(folder, 'log.db'));
    const io = { cwd: path.join(folder, 'deep'), env };
    const ran = await runCli(['completion', 'zsh', '--', 'npx', 'backstory', 'state', ''], io);
    expect(ran).toEqual({ exitCode: 0, stderr: '', stdout: 'words 0\ncart-1\t\n' });
    expect(fs.readFileSync(path.join(folder, 'log.db')).equals(before)).toBe(true);
  });

  test('too many to show are shown by how they go on: by category, then letter by letter', async () => {
    const many = Array.from({ length: 130 }, (_, i) => `cart-${i}`);
    await record(...many, ...many.map((it) => it.replace('cart', 'order')), 'cart', 'cart+-1', 'cart.x-1');
    const of = async (word: string) => ask(['--store', 'sqlite:log.db', 'state', word]);
    expect(await of('')).toMatchObject({
      kind: 'open 0',
      values: ['cart', 'cart+-', 'cart-', 'cart.x-', 'order-'],
    });
    expect(await of('order-1')).toMatchObject({ kind: 'words 0' });
    expect((await of('order-1')).values).toHaveLength(41);
  });

  test('that a terminal would not show as they are, or a command line would take for options, are left out', async () => {
    await record('cart-\u202e1', 'cart-2', '--store-1');
    const log = ['--store', 'sqlite:log.db'];
    expect(await valuesOf(...log, 'state', '')).toEqual(['cart-2']);
    expect(await valuesOf(...log, 'state', '--', '')).toEqual(['--store-1', 'cart-2']);
    expect(await valuesOf(...log, 'state', '--', '--s')).toEqual(['--store-1']);
  });

  test.each([
    ['no configuration', undefined],
    ['one that fails', 'throw new Error("no")'],
    ['one that ends the process', 'process.exit(5)'],
    ['one that is not an application', 'export default 7'],
  ])('are not to be had from %s, which nobody is told', async (_, config) => {
    if (config !== undefined) configured(config);
    expect(await valuesOf('state', '')).toEqual([]);
    expect(await valuesOf('--store', 'sqlite:none.db', 'state', '')).toEqual([]);
    expect(await valuesOf('--store', 'nonsense', 'state', '')).toEqual([]);
  });

  test('are given up when the application takes too long, and its process is gone', async () => {
    configured(`require('node:fs').writeFileSync('pid', String(process.pid)); while (true);`);
    const { values } = await ask(['state', ''], { BACKSTORY_COMPLETION_MS: '8000' });
    expect(values).toEqual([]);
    const pid = Number(fs.readFileSync(path.join(folder, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('a line of bash', () => {
  const breaks = ' \t\n"\'@><=;|&(:';

  test('is read as bash reads it', () => {
    const { words, word } = readBashLine(`npx backstory --a="b c" d\\ e'f g'h  "i\\"\\k" x:y\\`, breaks);
    expect(words).toEqual(['npx', 'backstory', '--a=b c', 'd ef gh', 'i"\\k']);
    expect(word).toBe('x:y');
  });

  test.each([
    ['a', 'a b', 'a\\ b'],
    ['or:d', 'or:der', 'der'],
    ['or\\:d', 'or:der', 'or:der'],
    ['--x=or:d', '--x=or:der', 'der'],
    ["'or:d", 'or:d$r', 'or:d$r'],
    ["'a", "a'b", undefined],
    ['"a', 'a"$`\\b', 'a\\"\\$\\`\\\\b'],
    ['"a', 'a!b', undefined],
    ["'a'b", 'ab c', 'ab\\ c'],
    ['x"a', 'xa b', 'a b'],
  ])('%s becomes %s when bash is given %s', (typed, value, given) => {
    expect(readBashLine(`backstory ${typed}`, breaks).replacement(value)).toBe(given);
  });

  test('becomes any text whatever, and bash takes it for nothing else', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((it) => !/\p{Cc}/u.test(it));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 50 }), (values) => {
        const { replacement } = readBashLine('backstory ', breaks);
        const script = `printf '%s\\0' ${values.map(replacement).join(' ')}`;
        const said = execFileSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' });
        expect(said.split('\0').slice(0, -1)).toEqual(values);
      }),
      { numRuns: 30 },
    );
  });
});
