import { StoreUnavailable, type LogPage, type StoredEvent } from '@backstory/core';
import type { ResolvedQuery } from '@backstory/core/store';
import type { Database } from './database.js';
import { LogParts } from './log-parts.js';
import { MAX_PAGE_BYTES, type Part } from './log-statement.js';
import type { Arrived } from './read-ahead.js';
import { timeBound, timeBoundSql } from './time-bound.js';

/**
 * The log in pages. The head is of a page's last snapshot, in which it has looked at all that was left: nothing before it can have
 * been missed. All pages are of one log: behind one address another server, with another log, may take the place of the first.
 *
 * @throws StoreUnavailable where one did
 */
export async function* logPages(database: Database, query: ResolvedQuery): AsyncGenerator<Arrived<LogPage>> {
  const { backwards, pageSize } = query;
  const parts = new LogParts(database, query);
  let { after, upTo, limit } = await bounded(database, query);
  let come = backwards ? Math.max(query.after, Math.min(upTo, Number.MAX_SAFE_INTEGER - 1)) + 1 : query.after;
  let lastId: string | undefined;
  for (;;) {
    if (limit === 0) {
      const through = come;
      yield { count: 0, make: () => ({ events: [], through }) };
      return;
    }
    const size = Math.min(pageSize, limit);
    const part = { after, upTo, size, backwards, lastId };
    const { count, events, head, last, more } = await nextPage(database, parts, part);
    limit -= count;
    if (last !== undefined) {
      come = last.position;
      if (backwards) upTo = come - 1;
      else [after, lastId] = [come, last.id];
    }
    // A page that was cut says how far it has looked; the last one that it has looked at everything.
    const end = backwards ? query.after + 1 : Math.max(come, Math.min(query.upTo, head));
    const through = more ? come : end;
    yield { count, make: () => ({ events: events(), through }) };
    if (!more || limit === 0) return;
  }
}

interface Looked {
  readonly count: number;
  readonly events: () => readonly StoredEvent[];
  readonly head: number;
  /** The last event looked at, if any. */
  readonly last: { readonly position: number; readonly id: string } | undefined;
  /** There may be more. */
  readonly more: boolean;
}

interface PagePart extends Part {
  readonly backwards: boolean;
  /** The event at `after`, where a page before ended there. */
  readonly lastId: string | undefined;
}

/** Looks on until the page is full or everything has been looked at: what filters leave out makes a page no shorter. */
async function nextPage(
  database: Database,
  parts: LogParts,
  { after, upTo, size, backwards, lastId }: PagePart,
): Promise<Looked> {
  const made: (() => readonly StoredEvent[])[] = [];
  const events = () => (made.length === 1 ? made[0]!() : made.flatMap((make) => make()));
  let [count, length] = [0, 0];
  let last: Looked['last'];
  for (let asked = size; ; asked = parts.enough(size - count, asked)) {
    const found = await parts.read({ after, upTo, size: asked });
    requireSame(database.store, after, [lastId, found.before]);
    const { head, looked, taken } = found;
    const rest = size - count;
    const cut = found.wanted > rest ? found.events().slice(0, rest) : undefined;
    made.push(cut ? () => cut : found.events);
    last = cut?.at(-1) ?? found.last ?? last;
    count = Math.min(count + found.wanted, size);
    length += found.length;
    const page = { count, events, head, last };
    // Large events close a page, and so do those of several parts together.
    if (count === size || taken < looked || length >= MAX_PAGE_BYTES / 2) return { ...page, more: true };
    if (looked < asked) return { ...page, more: false };
    if (backwards) upTo = last!.position - 1;
    else [after, lastId] = [last!.position, last!.id];
  }
}

/**
 * After a page the next one begins where that ended.
 *
 * @throws StoreUnavailable where the event there has another id than it had
 */
export function requireSame(
  store: string,
  position: number,
  [was, is]: readonly [string | undefined, string | null],
): void {
  if (was === undefined || was === is) return;
  const reason = `position ${position} is another event than it was when the page before was read`;
  throw new StoreUnavailable(store, reason);
}

/** Bounds on time become bounds on position: times rise with positions. */
async function bounded(database: Database, query: ResolvedQuery): Promise<ResolvedQuery> {
  const { recordedFrom, recordedUpTo } = query;
  if (recordedFrom === undefined && recordedUpTo === undefined) return query;
  const by = async (time: number) => {
    const text = `select ${database.schema}.last_position_by(${timeBoundSql('$1')})`;
    const [[position] = ['0']] = await database.read<[string]>({ text, values: [timeBound(time)] });
    return Number(position);
  };
  return {
    ...query,
    after: recordedFrom ? Math.max(query.after, await by(recordedFrom.getTime() - 1)) : query.after,
    upTo: recordedUpTo ? Math.min(query.upTo, await by(recordedUpTo.getTime())) : query.upTo,
  };
}
