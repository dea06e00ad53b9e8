import { follow, readRecorded, type EventStore, type LogQuery, type StoredEvent } from '@backstory/core';
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
    const { lines = LINES, full, ...filters } = call.options as Options;
    const { signal } = call.io;
    const query = queryOf(filters);
    await withLog(call, async (log) => {
      const { after, ...rest } = query;
      const begin = after === undefined ? await earlier(log, rest, lines) : { events: [], head: after };
      const show = (events: readonly StoredEvent[]) =>
        call.report.feed(
          events.map(readRecorded),
          (event) => ({ event }),
          full ? fullEventLines : eventLines,
        );
      await show(begin.events);
      const pages = follow(log, {
        after: begin.head,
        query: rest,
        ...(signal ? { signal } : {}),
        name: 'tail',
      });
      for await (const page of pages) await show(page.events);
    });
  },
};

/** The last events up to the head, and the head: what follows it is followed, so that none is missed or shown twice. */
async function earlier(
  log: EventStore,
  query: LogQuery,
  lines: number,
): Promise<{ readonly events: readonly StoredEvent[]; readonly head: number }> {
  const { head } = await log.identity();
  const events: StoredEvent[] = [];
  if (lines === 0) return { events, head };
  for await (const page of log.readAll({ ...query, upTo: head, backwards: true, limit: lines }))
    events.push(...page.events);
  return { events: events.reverse(), head };
}
