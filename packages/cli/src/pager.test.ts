import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sqlite } from '@backstory/sqlite';
import { Pty } from '../../../test/support/pty';
import { Terminal } from '../../../test/support/run-cli';
import { Noted, shopOn } from '../../../test/support/shop';
import { Pager } from './pager.js';

// The real executable in a real terminal, hence what was built.
const BIN = path.resolve(__dirname, '../bin/backstory.js');
const EVENTS = 'events --store sqlite:shop.db';

let folder: string;
let pty: Pty | undefined;

beforeAll(async () => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-pager-')));
  await shopOn(sqlite(path.join(folder, 'shop.db'))).run((app) =>
    app.record(
      'cart-1',
      Array.from({ length: 2_000 }, (_, i) => new Noted(`note ${i + 1} ${'x'.repeat(1_000)}`)),
    ),
  );
});
afterAll(() => fs.rmSync(folder, { recursive: true }));
afterEach(() => pty?.kill());

/** What is on the terminal when the command has ended. */
async function shown(line: string, env: Readonly<Record<string, string | undefined>> = {}) {
  pty = new Pty(`${env['WITHOUT'] ?? ''} "${process.execPath}" "${BIN}" ${line}`, { cwd: folder, env });
  const exitCode = await pty.end();
  return { exitCode, text: pty.text };
}

/** A terminal that is none, and what became of a pager for it. */
function pagerFor(PAGER: string) {
  const left = jest.fn();
  const pager = Pager.for({ terminal: new Terminal(), env: { ...process.env, PAGER }, left });
  return { pager, left };
}

test('a reader who leaves before the end is told of at once, one who stays to the end is not', async () => {
  const early = pagerFor('true');
  const gone = new Promise((resolve) => early.left.mockImplementation(resolve));
  for (let i = 0; i < 100; i++) early.pager!.write('x'.repeat(10_000));
  await gone;
  const patient = pagerFor('cat > /dev/null');
  patient.pager!.write('x');
  expect(patient.pager!.isOpen).toBe(true);
  await patient.pager!.close();
  expect(patient.left).not.toHaveBeenCalled();
});

test('nothing is begun for nothing, and cat is no pager', async () => {
  const { pager } = pagerFor('exit 1');
  await pager!.close();
  expect(pager!.isOpen).toBe(false);
  expect(pagerFor('cat').pager).toBeUndefined();
});

test('what cannot be run is no pager: what was written goes to the terminal', async () => {
  const file = path.join(folder, 'no-program');
  fs.writeFileSync(file, 'text', { mode: 0o644 });
  const terminal = new Terminal();
  const left = jest.fn();
  const env = { ...process.env, PAGER: `'${file}' 2> /dev/null` };
  const pager = Pager.for({ terminal, env, left })!;
  pager.write('all of ');
  pager.write('it');
  await pager.close();
  expect(terminal.text).toBe('all of it');
  expect(left).not.toHaveBeenCalled();
});

test('Ctrl-C does not end the process as long as the pager is there, and does again afterwards', async () => {
  const before = process.listenerCount('SIGINT');
  const { pager } = pagerFor('cat > /dev/null');
  pager!.write('x');
  const meanwhile = process.listenerCount('SIGINT');
  await pager!.close();
  expect(meanwhile).toBe(before + 1);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

const MARKED = { BACKSTORY_PAGER: "sed 's/^/| /' | sed 's/$/ |/'" };

describe('long output on a terminal', () => {
  test('goes through the pager, which a shell reads, with its colours', async () => {
    const { exitCode, text } = await shown(`${EVENTS} --limit 3`, MARKED);
    expect(exitCode).toBe(0);
    const lines = text.trim().split('\r\n');
    expect(lines).toHaveLength(7);
    for (const line of lines) expect(line).toMatch(/^\| .* \|$/);
    expect(text).toContain('\u001b[1m');
    // What is told beside the result as well, or it would be lost under it.
    expect(lines[6]).toContain('There are more');
  });

  test('goes through $PAGER, before which $BACKSTORY_PAGER is asked', async () => {
    expect((await shown(`${EVENTS} --limit 1`, { PAGER: MARKED.BACKSTORY_PAGER })).text).toMatch(/^\| /);
    const both = { PAGER: 'false', ...MARKED };
    expect((await shown(`${EVENTS} --limit 1`, both)).text).toMatch(/^\| /);
  });

  test.each([
    ['--no-pager', `--no-pager ${EVENTS} --limit 1`, MARKED],
    ['--json', `${EVENTS} --limit 1 --json`, MARKED],
    ['a pipe', `${EVENTS} --limit 1 | cat`, MARKED],
    ['a verb without long output', '--help', MARKED],
    [
      'an empty $BACKSTORY_PAGER',
      `${EVENTS} --limit 1`,
      { BACKSTORY_PAGER: '', PAGER: MARKED.BACKSTORY_PAGER },
    ],
    ['cat', `${EVENTS} --limit 1`, { PAGER: 'cat' }],
    ['a terminal that can do nothing', `${EVENTS} --limit 1`, { ...MARKED, TERM: 'dumb' }],
    ['a failure', 'state cart-1 --config nowhere.ts', MARKED],
  ])('does not with %s', async (_, line, env) => {
    const { text } = await shown(line, env);
    expect(text).not.toMatch(/^\| /m);
    expect(text.length).toBeGreaterThan(20);
  });

  test('is shown with less unless somebody says otherwise, and stays on the screen when it is short', async () => {
    const bin = path.join(folder, 'bin');
    fs.mkdirSync(bin);
    fs.writeFileSync(path.join(bin, 'less'), '#!/bin/sh\necho "less $LESS"; cat', { mode: 0o755 });
    const PATH = `${bin}:${process.env['PATH']}`;
    expect((await shown(`${EVENTS} --limit 1`, { PATH })).text).toMatch(/^less FRX\r\n.*note 1 /s);
    expect((await shown(`${EVENTS} --limit 1`, { PATH, LESS: '-S' })).text).toMatch(/^less -S\r\n/);
  });

  test.each([
    ['that is not there', { PAGER: 'no-such-pager -x' }, 'no-such-pager'],
    ['that cannot be run', { PAGER: '/dev/null' }, '/dev/null'],
    ['when there is no less', { WITHOUT: 'PATH=/nowhere' }, ''],
  ])('is whole without a pager %s', async (_, env, told) => {
    const { exitCode, text } = await shown(`${EVENTS} --all`, env);
    expect(exitCode).toBe(0);
    expect(text).toContain(told);
    for (const i of [1, 1_000, 2_000]) expect(text).toContain(`"note ${i} `);
    expect(text.match(/"note /g)).toHaveLength(2_000);
  });

  test('that the reader has seen enough of ends quietly', async () => {
    const { exitCode, text } = await shown(`${EVENTS} --all`, { PAGER: 'head -n 2' });
    expect({ exitCode, lines: text.trim().split('\r\n').length }).toEqual({ exitCode: 0, lines: 2 });
  });

  test('keeps the exit code of the command', async () => {
    const line = 'trace nope --store sqlite:shop.db';
    expect((await shown(line, MARKED)).exitCode).toBe(1);
  });

  test('is left to the pager by Ctrl-C, as often as it is pressed', async () => {
    const PAGER = `trap '' INT; head -c 40; echo; echo READY; read line < /dev/tty; cat | tail -n 1; echo OVER`;
    const line = `"${process.execPath}" "${BIN}" ${EVENTS} --all --full`;
    pty = new Pty(`trap : INT; ${line}; echo AFTER $?`, { cwd: folder, env: { PAGER, NO_COLOR: '1' } });
    await pty.until('READY');
    pty.type('\u0003');
    await pty.until('^C');
    pty.type('\u0003\n');
    await pty.until('AFTER');
    expect(pty.text).toMatch(/error: Interrupted\.\r\nOVER\r\nAFTER 130/);
  });
});
