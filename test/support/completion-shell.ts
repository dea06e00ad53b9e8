import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sqlite } from '@backstory/sqlite';
import { Pty } from './pty';
import { Noted, shopOn } from './shop';

const root = path.resolve(__dirname, '../..');

/** What is in a stream's name, what is typed of it, and the name. */
const HOSTILE: readonly (readonly [what: string, typed: string, name: string])[] = [
  ['a colon and a space', 'ord', 'ord:er-1 x'],
  ['a single quote', 'it', "it's-1"],
  ['double quotes', 'quo', 'quo"te"-1'],
  ['a command to be substituted', 'dollar', 'dollar-$(touch pwned)'],
  ['backticks', 'tick', 'tick-`touch pwned`'],
  ['a command that follows', 'semi', 'semi-;touch pwned'],
  ['a command in parallel', 'amp', 'amp-&touch pwned&'],
  ['a pipe and a redirection', 'pipe', 'pipe-|tee pwned>pwned'],
  ['a backslash', 'back', 'back-\\slash\\'],
  ['patterns', 'star', 'star-*?[a]{b,c}'],
  ['a reference to the history', 'bang', 'bang-!!'],
  ['a variable', 'var', 'var-$HOME'],
  ['an equals sign and an at sign', 'eq', 'eq=ual-@1%+^,'],
  ['two dashes', 'two', 'two--force'],
  ['letters of the world', 'wel', 'wel-Grüße-世界-💥'],
  ['a tilde and a hash', 'til', 'til-~#'],
];

/** The names, and some that are completed within quotes or from their middle on. */
export const NAMES: typeof HOSTILE = [
  ...HOSTILE,
  ['a colon, in single quotes,', "'ord", 'ord:er-1 x'],
  ['a substitution, in double quotes,', '"dollar', 'dollar-$(touch pwned)'],
  ['a colon that is there already', 'ord:e', 'ord:er-1 x'],
];

/** What is typed, and the words that it becomes: verbs, options, their values, and the same behind npx. */
export const LINES: readonly (readonly [typed: string, words: string])[] = [
  ['backstory comp', '<completion>'],
  [
    'backstory events --store=sqlite:log.db --type=cart.n',
    '<events><--store=sqlite:log.db><--type=cart.noted>',
  ],
  ['backstory events --back', '<events><--backwards>'],
  ['backstory state --config backst', '<state><--config><backstory.config.ts>'],
  ['backstory --store sqlite:log', '<--store><sqlite:log.db>'],
  ['npx backstory state ord', '<backstory><state><ord:er-1 x>'],
];

export interface CompletionShell {
  /** Types this, a tab and the end of the line; gives the words that the command was then called with. */
  complete(typed: string): Promise<string>;
}

/** A real interactive shell in a folder with a configuration and a log of hostile names, in which `backstory` prints its words. */
export function inShells(
  name: 'bash' | 'zsh' | 'fish',
  { start, setUp }: { readonly start: string; readonly setUp: string },
): CompletionShell {
  let folder: string;
  let pty: Pty;
  let count = 0;

  beforeAll(async () => {
    folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-shell-')));
    fs.mkdirSync(path.join(folder, 'node_modules/.bin'), { recursive: true });
    const bin = path.join(root, 'packages/cli/bin/backstory.js');
    const command = `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`;
    fs.writeFileSync(path.join(folder, 'node_modules/.bin/backstory'), command, { mode: 0o755 });
    fs.writeFileSync(path.join(folder, 'backstory.config.ts'), CONFIG);
    await shopOn(sqlite(path.join(folder, 'log.db'))).run(async (app) => {
      for (const [, , stream] of HOSTILE) await app.record(stream, [new Noted('x')]);
    });
    const env = { BACKSTORY_COMPLETION_MS: '30000', HISTFILE: undefined, HOME: folder, ZDOTDIR: folder };
    pty = new Pty(start, { cwd: folder, env, columns: 200, rows: 50 });
    pty.type(`${setUp}\n`);
    pty.type(`source '${path.join(root, `packages/cli/completions/backstory.${name}`)}'; backstory ready\n`);
    await pty.until(/^<ready> end1$/m);
    count = 1;
  });
  afterAll(async () => {
    // It may still write its history; one that a failed test left within quotes does not hear this.
    pty.type('exit\n');
    const kill = setTimeout(() => pty.kill(), 5_000);
    await pty.end();
    clearTimeout(kill);
    // Nothing that was completed has been run.
    const left = fs.readdirSync(folder);
    fs.rmSync(folder, { recursive: true, maxRetries: 10, retryDelay: 100 });
    expect(left.filter((it) => it.includes('pwned'))).toEqual([]);
  });

  const complete = async (typed: string) => {
    const line = new RegExp(`^(<.*>) end${++count}$`);
    pty.type(`${typed}\t\n`);
    const lines = await pty.until((shown) => shown.some((it) => line.test(it)));
    return line.exec(lines.find((it) => line.test(it))!)![1]!;
  };
  return { complete };
}

const CONFIG = `
import { defineBackstory, sqlite } from 'backstory';
export default defineBackstory({ name: 'shop', store: sqlite('log.db') });
`;
