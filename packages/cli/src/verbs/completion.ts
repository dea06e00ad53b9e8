import fs from 'node:fs';
import path from 'node:path';
import { readBashLine } from '../completion/bash-line.js';
import { complete, type Completion } from '../completion/completer.js';
import { namesFor } from '../completion/names.js';
import { printable } from '../printable.js';
import type { Verb, VerbCall } from '../verb.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export const verb: Verb = {
  arguments: [
    { name: '<shell>', description: 'for which shell', choices: SHELLS },
    { name: '[words...]', description: 'what is typed so far: prints what may follow, as the script asks' },
  ],
  notes:
    'The script completes verbs, options, and the names of streams, categories and\n' +
    'event types in your log, for backstory and for npx backstory. Source it in the\n' +
    "shell's start-up file:\n\n" +
    '  bash  ~/.bashrc                   source <(npx backstory completion bash)\n' +
    '  zsh   ~/.zshrc, after compinit    source <(npx backstory completion zsh)\n' +
    '  fish  ~/.config/fish/config.fish  npx backstory completion fish | source\n\n' +
    'or put what it prints into a file and source that, which starts faster.',
  examples: [['backstory completion bash > ~/.backstory.bash', 'to be sourced from ~/.bashrc']],
  async run(call) {
    const [shell, words] = call.arguments as [Shell, readonly string[] | undefined];
    if (words && words.length > 0) return answer(shell, words, call);
    const file = path.resolve(__dirname, '..', '..', 'completions', `backstory.${shell}`);
    const script = fs.readFileSync(file, 'utf8');
    await call.report.answer({ shell, script }, () => script.trimEnd().split('\n'));
  },
};

/** One line that says of what kind the answer is, then a line for each candidate. */
async function answer(shell: Shell, asked: readonly string[], { io, commands }: VerbCall): Promise<void> {
  const line = shell === 'bash' ? readBashLine(asked[0]!, asked[1] ?? '') : undefined;
  const words = line ? line.words : asked.slice(0, -1);
  const word = line ? line.word : asked.at(-1)!;
  const begin = words.findIndex((it) => path.basename(it) === 'backstory');
  const ours = begin === -1 ? undefined : words.slice(begin + 1);
  const found: Completion = ours
    ? await complete(ours, word, { commands, find: namesFor(io) })
    : { kind: 'files', candidates: [] };
  const lines = found.candidates
    // What a terminal would not show as it is, is not shown, nor typed for anybody.
    .filter(({ value }) => printable(value) === value)
    .flatMap(({ value, description }) => {
      const text = line ? line.replacement(value) : `${value}\t${description ?? ''}`;
      return text === undefined ? [] : [text];
    });
  io.stdout.write([`${found.kind} ${found.skip ?? 0}`, ...lines, ''].join('\n'));
}
