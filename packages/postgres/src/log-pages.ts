import { StoreUnavailable, type LogPage, type StoredEvent } from '@backstory/core';
import type { ResolvedQuery } from '@backstory/core/store';
import type { Database } from './database.js';
import { storedEvent } from './event-row.js';
import { logStatement, type LogStatement, type PageRow } from './log-statement.js';

/**
 * The log in pages. The head is of the page's first snapshot, so that nothing before it can have been missed. All pages are of
 * one log: behind one address another server, with another log, may take the place of the first.
 *
 * @throws StoreUnavailable where one did
 */
export async function* logPages(database: Database, query: ResolvedQuery): AsyncGenerator<LogPage> {
  const { backwards, pageSize } = query;
  const statement = logStatement(database.schema, query);
  let { after, upTo, limit } = await bounded(database, query);
  let come = backwards ? Math.max(query.after, Math.min(upTo, Number.MAX_SAFE_INTEGER - 1)) + 1 : query.after;
  let lastId: string | undefined;
  for (;;) {
    if (limit === 0) {
      yield { events: [], through: come };
      return;
    }
    const size = Math.min(pageSize, limit);
    const part = { after, upTo, size, backwards, lastId };
    const { events, head, last, more } = await nextPage(database, statement, part);
    limit -= events.length;
    if (last !== undefined) {
      come = last.position;
      if (backwards) upTo = come - 1;
      else [after, lastId] = [come, last.id];
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
  /** The last event looked at, if any. */
  readonly last: { readonly position: number; readonly id: string } | undefined;
  /** There may be more. */
  readonly more: boolean;
}

interface PagePart {
  readonly after: number;
  readonly upTo: number;
  readonly size: number;
  readonly backwards: boolean;
  /** The event at `after`, where a page before ended there. */
  readonly lastId: string | undefined;
}

/** Looks on until the page is full or everything has been looked at: what filters leave out makes a page no shorter. */
async function nextPage(
  database: Database,
  statement: LogStatement,
  { after, upTo, size, backwards, lastId }: PagePart,
): Promise<Looked> {
  const events: StoredEvent[] = [];
  let head: number | undefined;
  let last: Looked['last'];
  for (let asked = size; ; asked = Math.min(asked * 4, MOST_LOOKED_AT)) {
    const rows = await database.read<PageRow>(statement({ after, upTo, size: asked }));
    if (lastId !== undefined && rows[0]![3] !== lastId) {
      const reason = `position ${after} is another event than it was when the page before was read`;
      throw new StoreUnavailable(database.store, reason);
    }
    head ??= Number(rows[0]![0]);
    upTo = Math.min(upTo, head);
    const found = rows.filter((row) => row[4] !== null);
    for (const [, , matches, , ...event] of found) {
      last = { position: Number(event[0]), id: event[4] };
      if (matches === 't') events.push(storedEvent(event));
      if (events.length === size) return { events, head, last, more: true };
    }
    const looked = Number(rows[0]![1] ?? 0);
    if (found.length < looked) return { events, head, last, more: true }; // large events close a page
    if (looked < asked) return { events, head, last, more: false };
    if (backwards) upTo = last!.position - 1;
    else [after, lastId] = [last!.position, last!.id];
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
