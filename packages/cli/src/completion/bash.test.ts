import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { LINES, NAMES, inShells } from '../../../../test/support/completion-shell';

const shell = inShells('bash', {
  start: 'bash --noprofile --norc -i',
  setUp: `PS1='% '; backstory() { printf '<%s>' "$@"; echo " end$((++n))"; }; npx() { backstory "$@"; }`,
});

test.each<(typeof NAMES)[number]>([
  ...NAMES,
  ['dashes, in double quotes from its middle on,', 'two-"-f', 'two--force'],
])('a name with %s is completed from %s to what it is', async (_, typed, name) => {
  expect(await shell.complete(`backstory --store sqlite:log.db state ${typed}`)).toBe(
    `<--store><sqlite:log.db><state><${name}>`,
  );
});

test.each(LINES)('%s is completed to %s', async (typed, words) => {
  expect(await shell.complete(typed)).toBe(words);
});

test('files are completed for npx with other commands, and other completions of npx stay', () => {
  const script = path.resolve(__dirname, '../../completions/backstory.bash');
  const said = execFileSync('bash', ['-c', `complete -W mine npx; source '${script}'; complete -p npx`]);
  expect(String(said)).toBe("complete -W 'mine' npx\n");
});
