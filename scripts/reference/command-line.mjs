// The command line, as its own help describes it.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

export function commandLinePage(root) {
  const help = (...verb) => {
    const bin = path.join(root, 'packages', 'cli', 'bin', 'backstory.js');
    const { stdout, stderr, status } = spawnSync(process.execPath, [bin, ...verb, '--help'], {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1', COLUMNS: '80' },
    });
    if (status !== 0) throw new Error(`backstory ${verb.join(' ')} --help failed: ${stderr}`);
    return stdout.trim();
  };
  const overview = help();
  const verbs = verbsIn(overview);
  return [
    '# The command line',
    'What the `backstory` command says of itself. [`@backstory/cli`](../../packages/cli/README.md) says how its answers and exit codes are to be read.',
    verbs.map((verb) => `[${verb}](#backstory-${verb})`).join(' · '),
    `\`\`\`text\n${overview}\n\`\`\``,
    ...verbs.map((verb) => `## backstory ${verb}\n\n\`\`\`text\n${help(verb)}\n\`\`\``),
    '[Reference](README.md) · [all documents](../README.md)\n',
  ].join('\n\n');
}

function verbsIn(overview) {
  const [, commands = ''] = overview.split(/^Commands:\n/m);
  return [...commands.split('\n\n')[0].matchAll(/^ {2}([\w-]+)/gm)]
    .map(([, verb]) => verb)
    .filter((it) => it !== 'help');
}
