import { PassThrough } from 'node:stream';
import { Terminal as Collected } from '../../../../test/support/run-cli';
import { Terminal } from './terminal.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGTSTP', 'SIGCONT', 'exit'];
const listeners = () => SIGNALS.map((name) => process.listenerCount(name));

function opened() {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: jest.fn() });
  const output = new Collected();
  const events = { key: jest.fn(), changed: jest.fn(), gone: jest.fn() };
  const before = listeners();
  const terminal = new Terminal(input, output, false);
  terminal.open(events);
  return { input, output, events, before, terminal };
}

const frame = (...lines: readonly string[]) => ({
  lines: lines.map((text) => [{ text }]),
  cursor: undefined,
});

test('a second signal cannot end the program before the terminal is given back', () => {
  const { before, terminal } = opened();
  expect(listeners()).toEqual(before.map((count) => count + 1));
  terminal.close();
  expect(listeners()).toEqual(before);
});

test('a terminal that was given back is left alone', () => {
  const { input, output, terminal } = opened();
  terminal.close();
  const { length } = output.text;
  terminal.close();
  terminal.draw(frame('x'));
  terminal.redraw(frame('x'));
  expect(output.text).toHaveLength(length);
  expect(input.setRawMode.mock.calls).toEqual([[true], [false]]);
});

test('only the lines that are different are drawn', () => {
  const { output, terminal } = opened();
  terminal.draw(frame('one', 'two'));
  const { length } = output.text;
  terminal.draw(frame('one', 'too'));
  terminal.close();
  const drawn = output.text.slice(length);
  expect(drawn).toContain('\u001b[2;1H\u001b[Ktoo');
  expect(drawn).not.toContain('one');
});

test('a terminal that goes away is no error', () => {
  const { input, events, terminal } = opened();
  input.emit('error', new Error('read EIO'));
  expect(events.gone).toHaveBeenCalledTimes(1);
  input.setRawMode.mockImplementation(() => {
    throw new Error('setRawMode EIO');
  });
  terminal.close();
});
