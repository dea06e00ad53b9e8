import type { RecordedEvent } from '@backstory/core';
import { events } from '@backstory/replay';
import { eventLines, fullEventLines } from '../event-text.js';
import { BOUNDS, FILTERS, queryOf, type FilterValues } from '../filters.js';
import { LIMIT, limitOf, oneMore, type LimitValues } from '../limit.js';
import { withLog } from '../open.js';
import type { Verb } from '../verb.js';

interface Options extends FilterValues, LimitValues {
  readonly full?: boolean;
}

export const verb: Verb = {
  options: [
    ...FILTERS,
    ...BOUNDS,
    ...LIMIT,
    { flags: '--full', description: 'everything that is known of each event' },
  ],
  notes: 'Times are recorded times, in ISO 8601; without a zone they are UTC.',
  examples: [
    ['backstory events --stream account-42', 'what happened to one account'],
    [
      'backstory events --type account.withdrawn --from 2026-11-20 --backwards',
      'the latest withdrawals since a day',
    ],
    ['backstory events --correlation 019aa2f0-… --json', 'one flow, for a script'],
  ],
  paged: true,
  async run(call) {
    const options = call.options as Options;
    const { report } = call;
    const limit = limitOf(options, report.asJson);
    const query = { ...queryOf(options), ...oneMore(limit, report.asJson) };
    await withLog(call, (log) =>
      report.list<RecordedEvent>({
        key: 'events',
        items: events(log, query),
        limit,
        text: options.full ? fullEventLines : eventLines,
        more: ({ position }) => {
          const on = options.backwards ? `--up-to ${position - 1}` : `--after ${position}`;
          return `There are more: ${on}, a larger --limit, or --all.`;
        },
        empty: 'There are no such events in this log.',
      }),
    );
  },
};
