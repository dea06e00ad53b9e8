import { setTimeout as wait } from 'node:timers/promises';
import { StoreUnavailable, type StateStore } from '@backstory/core';
import type { SqlSession, StateTransaction } from '@backstory/core/state';
import { GenerationUnusable } from '../errors.js';
import { requireSql } from '../tables/require-sql.js';
import { GENERATION, making, quoted, tableName, viewName } from '../tables/table-shape.js';
import { generationIn, type Control, type Generation } from './control.js';

/** What is known of a projection before and after what is read changes; nothing before its first generation. */
export interface ReadChange {
  readonly before?: Control;
  readonly after: Control;
}

/**
 * Has the views of a projection, `turnover.days` for its table `days`, show the generation that is read, to those who ask with SQL of
 * their own. Part of the transaction that changes what is read.
 *
 * @throws TablesNotMade
 */
export async function showLive(
  tx: StateTransaction,
  name: string,
  { before, after }: ReadChange,
): Promise<void> {
  if (![before, after].some((it) => it?.generations.some(({ tables }) => tables))) return;
  const sql = requireSql(tx, name);
  const run = (text: string) => sql.run({ texts: [text], values: [] });
  const old = before ? viewsOf(sql, name, before) : new Map<string, View>();
  const wanted = viewsOf(sql, name, after);
  const isPostgres = sql.dialect === 'postgres';
  // Also the same text, for the lock: a transaction that reads statement by statement would see another generation in the next.
  const isAnother = isPostgres && before?.live !== after.live;
  const changed = [...wanted].filter(([table, { text }]) => isAnother || text !== old.get(table)?.text);
  const gone = [...old.keys()].filter((table) => !wanted.has(table));
  if (isPostgres && changed.length > 0) await pointTo(sql, name, after.live);
  if (changed.length + gone.length > 0) await waitShortly(sql);
  for (const table of gone) await run(`drop view if exists ${sql.table(viewName(name, table))}`);
  for (const [table, { columns, text }] of changed) {
    const called = viewName(name, table);
    const view = sql.table(called);
    // Replaced, it keeps what was granted on it and what was built upon it.
    const isReplaced = isPostgres && columns === old.get(table)?.columns;
    await making(name, `view ${called}`, async () => {
      if (!isReplaced) await run(`drop view if exists ${view}`);
      await run(`create ${isReplaced ? 'or replace ' : ''}view ${view} as ${text}`);
    });
  }
}

/** Makes the views of what is read where there are none: the database had these tables before there were views. */
export async function showAnew(tx: StateTransaction, name: string, control: Control): Promise<void> {
  const { tables } = generationIn(control, control.live)!;
  if (!tables) return;
  const sql = requireSql(tx, name);
  for (const table of Object.keys(tables))
    if (!(await isThere(sql, viewName(name, table)))) return showLive(tx, name, { after: control });
}

async function isThere(sql: SqlSession, view: string): Promise<boolean> {
  const rows =
    sql.dialect === 'postgres'
      ? await sql.run({ texts: ['select 1 where to_regclass(', ') is not null'], values: [sql.table(view)] })
      : await sql.run({
          texts: [`select 1 from sqlite_master where type = 'view' and name = `, ''],
          values: [view],
        });
  return rows.length > 0;
}

/**
 * A transaction that changes views or tables. PostgreSQL keeps them as they are for whoever has read them until their transaction
 * ends, and those who come then wait behind the change: so it gives up soon, lets them through, and tries again.
 *
 * @throws GenerationUnusable where somebody reads for longer
 */
export async function besideReaders<T>(
  state: StateStore,
  name: string,
  work: (tx: StateTransaction) => Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await state.transaction([], work);
    } catch (error) {
      if (!isLockedOut(error)) throw error;
      if (performance.now() >= until) throw new GenerationUnusable(name, undefined, READ_FOR_LONG);
      await wait(LOCK_MS * Math.random());
    }
  }
}

/** From here on this transaction of {@link besideReaders} waits for others no longer than they may wait behind it. */
export async function waitShortly(sql: SqlSession): Promise<void> {
  if (sql.dialect !== 'postgres') return;
  await sql.run({ texts: [`select set_config('lock_timeout', '${LOCK_MS}ms', true)`], values: [] });
}

const READ_FOR_LONG =
  'transactions that have read its tables are still open: try again when they have ended.';
/** How long to try, and how long one attempt waits: less than until PostgreSQL looks for a deadlock. */
const [PATIENCE_MS, LOCK_MS] = [10_000, 200];

/** SQLSTATE lock_not_available. */
function isLockedOut(error: unknown): boolean {
  return (
    error instanceof StoreUnavailable && (error.cause as { code?: string } | undefined)?.code === '55P03'
  );
}

interface View {
  /** With their types: a view can be replaced by one with the same. */
  readonly columns: string;
  readonly text: string;
}

/**
 * By their tables. SQLite shows whoever has begun to read the views of then. In PostgreSQL a view changes for them as well: there it has
 * the rows of every generation that was read, and by a row that is of their own snapshot they see those of one.
 */
function viewsOf(sql: SqlSession, name: string, control: Control): ReadonlyMap<string, View> {
  const live = generationIn(control, control.live)!;
  return new Map(
    Object.keys(live.tables ?? {}).map((table) => {
      const columns = columnsOf(live, table)!;
      const rows = ({ number }: Generation) => {
        const all = Object.keys(live.tables![table]!.columns).map(quoted).join(', ');
        return `select ${all} from ${sql.table(tableName(name, number, table))}`;
      };
      if (sql.dialect === 'sqlite') return [table, { columns, text: rows(live) }];
      const shown = control.generations.filter(
        (it) => (it.role === 'live' || it.role === 'retired') && columnsOf(it, table) === columns,
      );
      const numbers = shown.map(({ number }) => number);
      const texts = shown.map(
        (it) => `${rows(it)} where ${isRead(sql, name, { number: it.number, numbers })}`,
      );
      return [table, { columns, text: texts.join(' union all ') }];
    }),
  );
}

function columnsOf({ tables }: Generation, table: string): string | undefined {
  return tables && JSON.stringify(tables[table]?.columns);
}

/** Whether a generation is the one that is read. Where that is none of those that there are, an error tells rather than no rows. */
function isRead(
  sql: SqlSession,
  name: string,
  { number, numbers }: { readonly number: number; readonly numbers: readonly number[] },
): string {
  const pointer = sql.table(viewName(name, GENERATION));
  const cases = numbers.map((it) => `when ${it} then ${it === number}`).join(' ');
  const problem = `(select 'generation ' || generation || ' is gone: begin the transaction again' from ${pointer})`;
  return `case (select generation from ${pointer}) ${cases} else cast(${problem} as boolean) end`;
}

async function pointTo(sql: SqlSession, name: string, generation: number): Promise<void> {
  const pointer = sql.table(viewName(name, GENERATION));
  const run = (text: string) => sql.run({ texts: [text], values: [] });
  await run(`create table if not exists ${pointer} (generation integer not null)`);
  await run(`delete from ${pointer}`);
  await run(`insert into ${pointer} values (${generation})`);
}
