import { follow, readRecorded, type EventStore, type LogQuery } from '@backstory/core';
import { eventQuestion } from '@backstory/replay/expressions';
import { eventLines, fullEventLines } from '../event-text.js';
import { FILTERS, queryOf, type FilterValues } from '../filters.js';
import { wholeFrom } from '../numbers.js';
import { withLog } from '../open.js';
import type { Verb } from '../verb.js';

interface Options extends FilterValues {
  readonly lines?: number;
  readonly full?: boolean;
}

const LINES = 10;

export const verb: Verb = {
  options: [
    ...FILTERS,
    {
      flags: '--lines <n>',
      description: `begin with this many earlier events (default: ${LINES})`,
      parse: wholeFrom(0),
    },
    { flags: '--after <position>', description: 'begin after this position instead', parse: wholeFrom(0) },
    { flags: '--full', description: 'everything that is known of each event' },
  ],
  notes: 'Ctrl-C ends it with exit code 0. With --json each line is a document of its own,\nwith one event.',
  examples: [
    ['backstory tail', 'the last events, and every one that is recorded from now on'],
    ['backstory tail --category account --lines 0 --json', 'new events of accounts, for a script'],
  ],
  async run(call) {
    const { lines = LINES, full, where, ...filters } = call.options as Options;
    const holds = where === undefined ? () => true : eventQuestion(where);
    const { signal } = call.io;
    const query = queryOf(filters);
    await withLog(call, async (log) => {
      const { after: given, ...rest } = query;
      const after = given ?? (await behind(log, rest, lines, signal));
      const pages = follow(log, {
        after,
        query: rest,
        ...(signal ? { signal } : {}),
        name: 'tail',
      });
      for await (const page of pages)
        await call.report.feed(
          page.events.map(readRecorded).filter(holds),
          (event) => ({ event }),
          full ? fullEventLines : eventLines,
        );
    });
  },
};

/** The position behind which the last `lines` events are. Remembers no events, however many are asked for. */
async function behind(
  log: EventStore,
  query: LogQuery,
  lines: number,
  signal?: AbortSignal,
): Promise<number> {
  const { head } = await log.identity();
  if (lines === 0) return head;
  let after = head;
  for await (const { events } of log.readAll({ ...query, upTo: head, backwards: true, limit: lines })) {
    if (signal?.aborted) break;
    const last = events.at(-1);
    if (last) after = last.position - 1;
  }
  return after;
}
