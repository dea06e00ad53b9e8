import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { defineBackstory, sqlite } from 'backstory';
import { Deposited } from '../../../../test/support/bank-events.js';
import { Pty } from '../../../../test/support/pty.js';
import { watching } from '../../../../test/support/subscribing.js';

// The real executable in a real terminal, hence what was built.
const BIN = path.resolve(__dirname, '../../bin/backstory.js');

let folder: string;
let pty: Pty | undefined;
beforeEach(() => (folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-monitor-')))));
afterEach(() => {
  pty?.kill();
  fs.rmSync(folder, { recursive: true });
});

test('on a terminal it is a screen that goes on, fits, and is left with q', async () => {
  const bank = defineBackstory({
    ...{ name: 'bank', store: sqlite(path.join(folder, 'bank.db')), events: [Deposited] },
    subscribers: [watching('fraud', () => undefined)],
  });
  const app = await bank.start();
  try {
    const { ids } = await app.record('account-1', [new Deposited(5)]);
    await app.handled('fraud', ids[0]!);
    const command = `${process.execPath} ${BIN} monitor --every 1 --store sqlite:bank.db; echo "left with $?"`;
    pty = new Pty(command, { cwd: folder, rows: 12, columns: 60 });
    const lines = await pty.until('subscription fraud');
    expect(lines[0]).toMatch(/^backstory {2}ok {2}/);
    expect(lines.at(-1)).toBe('q leaves');
    // It follows: what is recorded from now on is seen by itself.
    const { position } = await app.record('account-1', [new Deposited(6)]);
    const shown = (lines: readonly string[]) =>
      /^log {2}position (\d+), .* a second/.exec(lines[1] ?? '')?.[1];
    await pty.until((moving) => Number(shown(moving)) >= position);
    expect(Math.max(...pty.lines().map((line) => line.length))).toBeLessThanOrEqual(60);
    pty.type('q');
    await pty.until('left with 0');
  } finally {
    await app.close();
  }
});
