import { healthOf, type Health } from '@backstory/core/observability';
import { columns } from '../columns.js';
import { wholeFrom } from '../numbers.js';
import { withWatched } from '../open.js';
import type { Paper } from '../paper.js';
import type { Verb } from '../verb.js';

interface Options {
  readonly lagSeconds?: number;
  readonly stalledSeconds?: number;
  readonly strict?: boolean;
}

export const verb: Verb = {
  options: [
    {
      flags: '--lag-seconds <n>',
      description: 'behind by more than that is degraded (default: 60)',
      parse: wholeFrom(0),
    },
    {
      flags: '--stalled-seconds <n>',
      description: 'behind, and without a checkpoint for longer than that, is failed (default: 60)',
      parse: wholeFrom(0),
    },
    { flags: '--strict', description: 'what is degraded is a finding, too' },
  ],
  notes:
    'It looks at what is stored, and asks no process: one that hangs or died cannot hide it.\n' +
    'Behind is not dead: what keeps checkpoints moves. What could not be found out is unknown,\n' +
    'which is neither good nor bad.\n\n' +
    'Ends with exit code 1 where something is failed or unknown, with --strict also where it is\n' +
    'degraded; with 3 where there is no store to look at.',
  examples: [
    ['backstory health', 'whether the store answers and every consumer moves'],
    ['backstory health --strict --json', 'for a script that looks now and then'],
  ],
  paged: true,
  async run(call) {
    const { strict, lagSeconds, stalledSeconds } = call.options as Options;
    const limits = {
      ...(lagSeconds !== undefined && { lagSeconds }),
      ...(stalledSeconds !== undefined && { stalledSeconds }),
    };
    const health = await withWatched(call, (app) => healthOf(app, limits));
    await call.report.answer(health, (paper) => healthLines(health, paper));
    const isWell = health.status === 'ok' || (health.status === 'degraded' && !strict);
    return isWell ? undefined : 'finding';
  },
};

function healthLines({ status, checks }: Health, paper: Paper): readonly string[] {
  const shown = columns(
    checks,
    [
      { head: 'part', text: ({ name }) => name },
      { head: 'status', text: (it) => it.status },
      { head: 'why', text: ({ why }) => why ?? '' },
    ],
    paper,
  );
  const tone = status === 'ok' ? paper.good : status === 'degraded' ? paper.changed : paper.bad;
  return [...shown, '', tone(status)];
}
