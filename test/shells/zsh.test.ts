import { LINES, NAMES, inShells } from '../support/completion-shell';

const shell = inShells('zsh', {
  start: 'zsh -f -i',
  setUp: `PS1='%% '; unsetopt zle_bracketed_paste prompt_sp; autoload -U compinit; compinit -u -D; backstory() { printf '<%s>' "$@"; echo " end$((++n))"; }; npx() { backstory "$@"; }`,
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
