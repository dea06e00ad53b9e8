import type { RecordedEvent } from '@backstory/core';
import { events } from '@backstory/replay';
import { eventLines, fullEventLines } from '../event-text.js';
import { EXPRESSIONS, firstOf, whichHold } from '../expressions.js';
import { BOUNDS, FILTERS, asked, selectionOf, type FilterValues } from '../filters.js';
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
  notes: `Times are recorded times, in ISO 8601; without a zone they are UTC.

${EXPRESSIONS}
Its names are those of an event: id, stream, category, streamId, version,
position, type, schemaVersion, data, metadata and recordedAt. --filter takes
a filter that handlers or rules have, as JSON.stringify(filter) wrote it. Both,
and * in a type, look at each event; all others are answered by the store.`,
  examples: [
    ['backstory events --stream account-42', 'what happened to one account'],
    [
      'backstory events --type account.withdrawn --from 2026-11-20 --backwards',
      'the latest withdrawals since a day',
    ],
    ['backstory events --type account.withdrawn --where "data.amount > 1000"', 'large withdrawals'],
    ["backstory events --type 'account.*' --filter @large.json", 'what a filter of the application says'],
    ['backstory events --correlation 019aa2f0-… --json', 'one flow, for a script'],
  ],
  paged: true,
  async run(call) {
    const options = call.options as Options;
    const { report } = call;
    const limit = limitOf(options, report.asJson);
    const selection = selectionOf(options, call.io);
    const { filter } = selection;
    // What is filtered here is limited here.
    const query = { ...asked(selection), ...(filter ? {} : oneMore(limit, report.asJson)) };
    await withLog(call, (log) =>
      report.list<RecordedEvent>({
        key: 'events',
        items: filter
          ? firstOf(
              whichHold(events(log, query), (it) => filter.matches(it)),
              limit,
              report.asJson,
            )
          : events(log, query),
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
