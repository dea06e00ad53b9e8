import type { StreamHead } from '@backstory/core';
import { streams } from '@backstory/replay';
import { columns } from '../columns.js';
import { LIMIT, limitOf, oneMore, type LimitValues } from '../limit.js';
import { withLog } from '../open.js';
import { shellWord } from '../shell-word.js';
import type { Verb } from '../verb.js';

interface Options extends LimitValues {
  readonly category?: readonly string[];
  readonly after?: string;
  readonly system?: boolean;
}

export const verb: Verb = {
  options: [
    {
      flags: '--category <name>',
      description: 'only streams of this category; may be repeated',
      repeatable: true,
      names: 'category',
    },
    { flags: '--after <name>', description: 'only streams whose names follow this one', names: 'stream' },
    { flags: '--system', description: "include the framework's own streams, which begin with _" },
    ...LIMIT,
  ],
  examples: [
    ['backstory streams', 'the streams of the log, each with its last event'],
    [
      'backstory streams --store sqlite:bank.db --category account --json',
      'without the application, for a script',
    ],
  ],
  paged: true,
  async run(call) {
    const { category, after, system, ...limits } = call.options as Options;
    const { report } = call;
    const limit = limitOf(limits, report.asJson);
    const query = {
      ...oneMore(limit, report.asJson),
      ...(category ? { categories: category } : {}),
      ...(after === undefined ? {} : { after }),
      ...(system ? { includeSystem: true } : {}),
    };
    await withLog(call, (log) =>
      report.list<StreamHead>({
        key: 'streams',
        items: streams(log, query),
        limit,
        text: (heads, paper) =>
          columns(
            heads,
            [
              { head: 'stream', text: (it) => it.stream },
              { head: 'version', text: (it) => it.version, align: 'right' },
              { head: 'position', text: (it) => it.position, align: 'right' },
              { head: 'last recorded', text: (it) => it.recordedAt.toISOString() },
            ],
            paper,
          ),
        more: (last) => `There are more: --after ${shellWord(last.stream)}, a larger --limit, or --all.`,
        empty: 'There are no such streams in this log.',
      }),
    );
  },
};
