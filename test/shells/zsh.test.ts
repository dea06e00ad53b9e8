import { HOSTILE, inShells } from '../support/completion-shell';

const shell = inShells('zsh', {
  start: 'zsh -f -i',
  setUp: `PS1='%% '; unsetopt zle_bracketed_paste prompt_sp; autoload -U compinit; compinit -u -D; backstory() { printf '<%s>' "$@"; echo " end$((++n))"; }; npx() { backstory "$@"; }`,
});

test.each<readonly [what: string, typed: string, name: string]>([
  ...HOSTILE,
  ['a colon, in single quotes,', "'ord", 'ord:er-1 x'],
  ['a substitution, in double quotes,', '"dollar', 'dollar-$(touch pwned)'],
  ['a colon that is there already', 'ord:e', 'ord:er-1 x'],
])('a name with %s is completed from %s to what it is', async (_, typed, name) => {
  expect(await shell.complete(`backstory --store sqlite:log.db state ${typed}`)).toBe(
    `<--store><sqlite:log.db><state><${name}>`,
  );
});

test('npx backstory is completed as well, and the log of the application is found', async () => {
  expect(await shell.complete('npx backstory state ord')).toBe('<backstory><state><ord:er-1 x>');
});

test('verbs, options and their values are completed', async () => {
  expect(await shell.complete('backstory comp')).toBe('<completion>');
  expect(await shell.complete('backstory events --store=sqlite:log.db --type=cart.n')).toBe(
    '<events><--store=sqlite:log.db><--type=cart.noted>',
  );
  expect(await shell.complete('backstory events --back')).toBe('<events><--backwards>');
  expect(await shell.complete('backstory state --config backst')).toBe(
    '<state><--config><backstory.config.ts>',
  );
  expect(await shell.complete('backstory --store sqlite:log')).toBe('<--store><sqlite:log.db>');
  expect(await shell.complete('npx cat backst')).toBe('<cat><backstory.config.ts>');
});
