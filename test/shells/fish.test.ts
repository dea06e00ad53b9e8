import { LINES, NAMES, inShells } from '../support/completion-shell';

const shell = inShells('fish', {
  start: 'fish --no-config --interactive',
  setUp: `function fish_prompt; echo '% '; end; function backstory; set -g n (math $n + 1); printf '<%s>' $argv; echo " end$n"; end; function npx; backstory $argv; end; set -g fish_autosuggestion_enabled 0; set -g n 0`,
});

test.each(NAMES)('a name with %s is completed from %s to what it is', async (_, typed, name) => {
  expect(await shell.complete(`backstory --store sqlite:log.db state ${typed}`)).toBe(
    `<--store><sqlite:log.db><state><${name}>`,
  );
});

test.each(LINES)('%s is completed to %s', async (typed, words) => {
  expect(await shell.complete(typed)).toBe(words);
});

test('files are completed for npx with other commands', async () => {
  expect(await shell.complete('npx cat backst')).toBe('<cat><backstory.config.ts>');
});
