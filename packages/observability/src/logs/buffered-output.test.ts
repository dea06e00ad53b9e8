import { setImmediate as turn } from 'node:timers/promises';
import { BufferedOutput } from './buffered-output.js';
import type { LogOutput } from './log-output.js';

/** Each line is written at once, and counted where it is dropped. */
function buffered(output: LogOutput, closeWithinMs = 60_000) {
  const buffering = { flushEveryMs: 60_000, batch: 1, most: 1_000, closeWithinMs };
  const count = { dropped: 0 };
  return { count, buffer: new BufferedOutput(output, buffering, (lines) => void (count.dropped += lines)) };
}

test('an output that hangs does not keep it from closing; what it has not written is dropped, once', async () => {
  let fail = (_error: Error) => undefined as void;
  const output = { write: () => new Promise<void>((_resolve, reject) => (fail = reject)) };
  const { buffer, count } = buffered(output, 1);
  buffer.write('being written');
  await turn();
  for (const line of ['waits', 'waits too']) buffer.write(line);
  await buffer.close();
  expect(count.dropped).toBe(3);
  fail(new Error('late'));
  await turn();
  expect(count.dropped).toBe(3);
});

test('an output is asked for one thing at a time, in order', async () => {
  const calls: string[] = [];
  let busy = 0;
  const call = async (name: string) => {
    calls.push(busy++ > 0 ? `${name} meanwhile` : name);
    await turn();
    busy--;
  };
  const output = { write: call, reopen: () => call('reopen'), close: () => call('close') };
  const { buffer } = buffered(output);
  buffer.write('a');
  await Promise.resolve();
  buffer.write('b');
  await Promise.all([buffer.reopen(), buffer.reopen()]);
  buffer.write('c');
  void buffer.reopen();
  await buffer.close();
  expect(calls).toEqual(['a', 'b', 'reopen', 'c', 'reopen', 'close']);
});

test('an output is opened anew while lines go on coming', async () => {
  let written = 0;
  const output: LogOutput = {
    write: async () => {
      if (++written === 1) reopened = buffer.reopen();
      if (written < 100) buffer.write('next');
      await turn();
    },
    reopen: () => void (reopenedAfter ??= written),
  };
  let reopenedAfter: number | undefined;
  let reopened: Promise<void> | undefined;
  const { buffer } = buffered(output);
  buffer.write('first');
  while (!reopened) await turn();
  await reopened;
  expect(reopenedAfter).toBe(2);
  await buffer.close();
  expect(written).toBe(100);
});

test('an output may write lines itself', async () => {
  const lines: string[] = [];
  const output: LogOutput = {
    write: (line) => {
      if (line === 'first') buffer.write('second');
      lines.push(line);
    },
  };
  const { buffer } = buffered(output);
  buffer.write('first');
  await buffer.close();
  expect(lines).toEqual(['first', 'second']);
});

test.each([0, 1, 2, 3, 4, 5])(
  'a line that comes %i microtasks after another is written, is written',
  async (n) => {
    const lines: string[] = [];
    const output = {
      write: (line: string) => {
        lines.push(line);
        if (line === 'first') void afterMicrotasks(n).then(() => buffer.write('second'));
      },
    };
    const { buffer } = buffered(output);
    buffer.write('first');
    await turn();
    expect(lines).toEqual(['first', 'second']);
  },
);

async function afterMicrotasks(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await Promise.resolve();
}
