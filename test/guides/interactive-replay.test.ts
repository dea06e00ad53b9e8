import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { defineBackstory, sqlite } from 'backstory';
import { Fine } from '../../examples/fines/src/fine';
import { importFines } from '../../examples/fines/src/import-fines';
import { HELP } from '../../packages/cli/src/interactive/help';
import { settled } from '../docs/blocks';
import { Pty } from '../support/pty';

// The real executable in a real terminal, hence what was built.
const root = path.join(__dirname, '..', '..');
const guide = fs.readFileSync(path.join(root, 'docs/guides/interactive-replay.md'), 'utf8');

/** What is typed, and the screen that follows: a code span that begins a paragraph, and the block after it. */
const screens = [...guide.matchAll(/^`([^`]+)`[^:]*:\n\n```text\n([^]*?)\n```$/gm)].map(
  ([, keys, screen]) => [keys!, screen!] as const,
);

test('the screens in the guide to interactive replay are those that the command draws', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-guide-'));
  const file = path.join(folder, 'fines.db');
  await defineBackstory({ name: 'fines', store: sqlite(file), aggregates: [Fine] }).run((app) =>
    importFines(app),
  );
  const bin = path.join(root, 'packages/cli/bin/backstory.js');
  const [[command, first], ...others] = screens as [(typeof screens)[0], ...typeof screens];
  const argv = command.replace(/^npx backstory /, '');
  const line = `"${process.execPath}" "${bin}" ${argv} --store "sqlite:${file}"`;
  const pty = new Pty(line, { cwd: path.join(root, 'examples/fines'), rows: 18 });
  try {
    const shown = async (screen: string) => {
      const lines = await pty.until((now) => settled(now.join('\n')) === settled(screen));
      return lines.length;
    };
    expect(await shown(first)).toBe(18);
    for (const [keys, screen] of others) {
      pty.type(keys.replaceAll('<Enter>', '\r').replaceAll('<Tab>', '\t'));
      expect(await shown(screen)).toBe(18);
    }
    expect(others.length).toBeGreaterThanOrEqual(3);
  } finally {
    pty.kill();
    fs.rmSync(folder, { recursive: true });
  }
});

test('the guide to interactive replay names every key', () => {
  const rows = [...guide.matchAll(/^\| `(.*)` \| (.*) \|$/gm)].map(([, keys, does]) => [keys, does]);
  const written = HELP.map(([keys, does]) => [
    keys.trim().replace(/ {2,}/g, '` `'),
    does.replaceAll('|', '\\|'),
  ]);
  expect(rows).toEqual(written);
});
