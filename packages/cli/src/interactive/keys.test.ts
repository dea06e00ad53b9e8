import { once } from 'node:events';
import { emitKeypressEvents, type Key as Keypress } from 'node:readline';
import { PassThrough } from 'node:stream';
import { KeyReader, type Key } from './keys.js';

/** The names of what is read from a terminal that sends these parts, one after another. */
async function read(...parts: readonly string[]): Promise<readonly Key[]> {
  const input = new PassThrough();
  const reader = new KeyReader();
  const keys: Key[] = [];
  emitKeypressEvents(input);
  input.on('keypress', (text: string | undefined, key: Keypress) => keys.push(...reader.read(text, key)));
  for (const part of parts) {
    input.write(Buffer.from(part, 'latin1'));
    await new Promise((turn) => setImmediate(turn));
  }
  input.end();
  await once(input, 'end');
  return keys;
}

const names = async (...parts: readonly string[]) => (await read(...parts)).map(({ name }) => name);
const utf8 = (text: string) => Buffer.from(text).toString('latin1');

test('keys are known by what they write, or by their names', async () => {
  expect(await names('a', 'G', ' ', '\r', '\t', '\u007f', '\u0003', '\u001a', '\u001b[Z')).toEqual([
    'a',
    'G',
    'space',
    'enter',
    'tab',
    'backspace',
    'ctrl-c',
    'ctrl-z',
    'shift-tab',
  ]);
});

test('the sequences of terminals of either kind are known, also in parts', async () => {
  expect(await names('\u001b[A\u001bOB\u001b[5~\u001b[6~\u001b[H\u001bOF\u001b[1~')).toEqual([
    'up',
    'down',
    'pageup',
    'pagedown',
    'home',
    'end',
    'home',
  ]);
  expect(await names('\u001b', '[', 'C', 'l')).toEqual(['right', 'l']);
  const [key] = await read(...[...utf8('世')]);
  expect(key).toEqual({ name: '世', text: '世' });
});

test('sequences that nobody knows are no keys', async () => {
  expect(await names('\u001b[99~', '\u001b[20;5R', 'x')).toEqual(['x']);
});

test('escape and a key soon after it are two keys', async () => {
  expect(await names('\u001bq')).toEqual(['escape', 'q']);
});

test('what is pasted is text and no command, until its end or Ctrl-C', async () => {
  const keys = await read('\u001b[200~q\u001b[Al\r', 'é', '\u001b[201~q');
  expect(keys.filter((it) => it.isPasted).map(({ text }) => text)).toContain('q');
  expect(keys.filter((it) => !it.isPasted)).toEqual([{ name: 'q', text: 'q' }]);
  expect((await read('\u001b[200~q\u0003q')).at(-1)).toEqual({ name: 'q', text: 'q' });
});
