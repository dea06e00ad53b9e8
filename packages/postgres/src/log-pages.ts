import type { LogPage, StoredEvent } from '@backstory/core';
import type { ResolvedQuery } from '@backstory/core/store';
import type { Database } from './database.js';
import { storedEvent } from './event-row.js';
import { logStatement, type LogStatement, type PageRow } from './log-statement.js';

/** The log in pages. The head is of the page's first snapshot, so that nothing before it can have been missed. */
export async function* logPages(database: Database, query: ResolvedQuery): AsyncGenerator<LogPage> {
  const { backwards, pageSize } = query;
  const statement = logStatement(database.schema, query);
  let { after, upTo, limit } = await bounded(database, query);
  let come = backwards ? Math.max(query.after, Math.min(upTo, Number.MAX_SAFE_INTEGER - 1)) + 1 : query.after;
  for (;;) {
    if (limit === 0) {
      yield { events: [], through: come };
      return;
    }
    const size = Math.min(pageSize, limit);
    const { events, head, last, more } = await nextPage(database, statement, {
      after,
      upTo,
      size,
      backwards,
    });
    limit -= events.length;
    if (last !== undefined) {
      come = last;
      if (backwards) upTo = last - 1;
      else after = last;
    }
    // A page that was cut says how far it has looked; the last one that it has looked at everything.
    const end = backwards ? query.after + 1 : Math.max(come, Math.min(query.upTo, head));
    yield { events, through: more ? come : end };
    if (!more || limit === 0) return;
  }
}

interface Looked {
  readonly events: readonly StoredEvent[];
  readonly head: number;
  /** The last position looked at, if any. */
  readonly last: number | undefined;
  /** There may be more. */
  readonly more: boolean;
}

/** Looks on until the page is full or everything has been looked at: what filters leave out makes a page no shorter. */
async function nextPage(
  database: Database,
  statement: LogStatement,
  { after, upTo, size, backwards }: { after: number; upTo: number; size: number; backwards: boolean },
): Promise<Looked> {
  const events: StoredEvent[] = [];
  let head: number | undefined;
  let last: number | undefined;
  for (let asked = size; ; asked = Math.min(asked * 4, MOST_LOOKED_AT)) {
    const rows = await database.read<PageRow>(statement({ after, upTo, size: asked }));
    head ??= Number(rows[0]![0]);
    upTo = Math.min(upTo, head);
    const found = rows.filter((row) => row[3] !== null);
    for (const [, , matches, ...event] of found) {
      last = Number(event[0]);
      if (matches === 't') events.push(storedEvent(event));
      if (events.length === size) return { events, head, last, more: true };
    }
    const looked = Number(rows[0]![1] ?? 0);
    if (found.length < looked) return { events, head, last, more: true }; // large events close a page
    if (looked < asked) return { events, head, last, more: false };
    if (backwards) upTo = last! - 1;
    else after = last!;
  }
}

/** Events that one statement looks at, however few of them are wanted. */
const MOST_LOOKED_AT = 5_000;

/** Bounds on time become bounds on position: times rise with positions. */
async function bounded(database: Database, query: ResolvedQuery): Promise<ResolvedQuery> {
  const { recordedFrom, recordedUpTo } = query;
  if (recordedFrom === undefined && recordedUpTo === undefined) return query;
  const [[from, to] = ['0', '0']] = await database.read<[string, string]>({
    text: `select ${database.schema}.last_position_by($1), ${database.schema}.last_position_by($2)`,
    values: [
      recordedFrom === undefined ? '-infinity' : new Date(recordedFrom.getTime() - 1).toISOString(),
      recordedUpTo === undefined ? 'infinity' : recordedUpTo.toISOString(),
    ],
  });
  return {
    ...query,
    after: Math.max(query.after, Number(from)),
    upTo: recordedUpTo === undefined ? query.upTo : Math.min(query.upTo, Number(to)),
  };
}
