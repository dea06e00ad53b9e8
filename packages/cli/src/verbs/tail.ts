import {
  follow,
  readRecorded,
  type EventStore,
  type LogQuery,
  type RecordedEvent,
  type StoredEvent,
} from '@backstory/core';
import type { Filter } from '@backstory/router/filter';
import { eventLines, fullEventLines } from '../event-text.js';
import { FILTERS, asked, selectionOf, type FilterValues } from '../filters.js';
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
    const selection = selectionOf(filters, call.io);
    const matching = matchingOf(selection.filter);
    await withLog(call, async (log) => {
      const { after: given, ...query } = asked(selection);
      const after = given ?? (await behind(log, { query, matching, lines, signal }));
      const pages = follow(log, {
        after,
        query,
        ...(signal ? { signal } : {}),
        name: 'tail',
      });
      for await (const page of pages)
        await call.report.feed(
          matching(page.events),
          (event) => ({ event }),
          full ? fullEventLines : eventLines,
        );
    });
  },
};

type Matching = (events: readonly StoredEvent[]) => readonly RecordedEvent[];

function matchingOf(filter: Filter | undefined): Matching {
  return (events) => filter?.select(events) ?? events.map(readRecorded);
}

interface Lines {
  readonly query: LogQuery;
  readonly matching: Matching;
  readonly lines: number;
  readonly signal: AbortSignal | undefined;
}

/** The position behind which the last `lines` events are. Remembers no events, however many are asked for. */
async function behind(log: EventStore, { query, matching, lines, signal }: Lines): Promise<number> {
  const { head } = await log.identity();
  if (lines === 0) return head;
  let after = head;
  let left = lines;
  for await (const { events } of log.readAll({ ...query, upTo: head, backwards: true })) {
    const found = matching(events).slice(0, left);
    const last = found.at(-1);
    if (last) after = last.position - 1;
    left -= found.length;
    if (left === 0 || signal?.aborted) break;
  }
  return after;
}
