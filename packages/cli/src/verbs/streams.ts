import type { StreamHead } from '@backstory/core';
import { streams } from '@backstory/replay';
import { streamQuestion } from '@backstory/replay/expressions';
import { columns } from '../columns.js';
import { EXPRESSIONS, firstOf, whichHold } from '../expressions.js';
import { LIMIT, limitOf, oneMore, type LimitValues } from '../limit.js';
import { withLog } from '../open.js';
import { shellWord } from '../shell-word.js';
import type { Verb } from '../verb.js';

interface Options extends LimitValues {
  readonly category?: readonly string[];
  readonly after?: string;
  readonly system?: boolean;
  readonly where?: string;
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
    { flags: '--where <expression>', description: 'only those for which this holds, e.g. "version > 100"' },
    ...LIMIT,
  ],
  notes: `${EXPRESSIONS}
Its names are stream, category, streamId, version, position and recordedAt.`,
  examples: [
    ['backstory streams', 'the streams of the log, each with its last event'],
    ['backstory streams --where "version > 100"', 'the long ones'],
    [
      'backstory streams --store sqlite:bank.db --category account --json',
      'without the application, for a script',
    ],
  ],
  paged: true,
  async run(call) {
    const { category, after, system, where, ...limits } = call.options as Options;
    const holds = where === undefined ? undefined : streamQuestion(where);
    const { report } = call;
    const limit = limitOf(limits, report.asJson);
    const query = {
      ...(holds ? {} : oneMore(limit, report.asJson)),
      ...(category ? { categories: category } : {}),
      ...(after === undefined ? {} : { after }),
      ...(system ? { includeSystem: true } : {}),
    };
    await withLog(call, (log) =>
      report.list<StreamHead>({
        key: 'streams',
        items: holds
          ? firstOf(whichHold(streams(log, query), holds), limit, report.asJson)
          : streams(log, query),
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
