import type { StrayColumn } from '@backstory/core/administration';
import type { Database } from './database.js';
import { changedFunctions } from './own-functions.js';
import { tableName } from './schema-name.js';
import type { Run } from './session.js';
import { strayColumns } from './stray-columns.js';
import { inTransaction } from './transaction.js';

/**
 * What could hide events from some reads, or show others, though every event that is read by its position is as it was: rows at
 * positions that no log has, a table that is none or has rules, columns, keys and functions that are not those of a store, indexes
 * that the server does not keep whole or orders by functions of somebody's, and values beside an event that are not what it says.
 * Indexes that somebody added, or is building, hide nothing.
 */
export async function* examine(database: Database): AsyncGenerator<readonly (string | StrayColumn)[]> {
  yield await database.session((run) => ofTheTable(run, database.schema));
  yield* strayColumns(database);
}

/** @param schema quoted */
async function ofTheTable(run: Run, schema: string): Promise<readonly string[]> {
  return inTransaction(run, { begin: BEGIN }, async () => {
    const [[path]] = (await run<[string]>({ text: PATH })) as [[string]];
    await run({ text: PLAINLY });
    const said: string[] = [];
    for (const [sql, say] of CHECKS) {
      const of = { events: `${schema}.events`, table: `${tableName(schema, 'events')}::regclass` };
      const [[found]] = (await run<[string | null]>({ text: `select ${sql(of)}` })) as [[string | null]];
      said.push(...say(found?.split('\n') ?? []));
    }
    const functions = some('these functions of the store are not what they were made as');
    const before = some('what search_path finds before what PostgreSQL means');
    return [...said, ...functions(await changedFunctions(run, schema)), ...before(schemasBefore(path))];
  });
}

const BEGIN = 'begin isolation level repeatable read read only';

/** Asked of the connection as reads find it. */
const PATH = 'select pg_catalog.array_to_json(pg_catalog.current_schemas(true))';

/** Names then mean what PostgreSQL means, also behind a proxy, and are written one way. */
const PLAINLY = 'set local search_path = pg_catalog, pg_temp; set local quote_all_identifiers = off';

/** Behind a proxy nothing keeps them out of a connection. Operators and functions are not looked for among what is temporary. */
function schemasBefore(path: string): readonly string[] {
  const schemas = JSON.parse(path) as string[];
  return schemas.slice(0, schemas.indexOf('pg_catalog')).filter((name) => !name.startsWith('pg_temp_'));
}

/** SQL expressions: the table, and its number. */
interface Examined {
  readonly events: string;
  readonly table: string;
}

/** Counted at each end of the primary key, where those are that are no number as well. */
function outsideSql({ events }: Examined): string {
  return `(select count(*) from ${events} where position < 1)
    + (select count(*) from ${events} where position > ${Number.MAX_SAFE_INTEGER})
    + (select count(*) from ${events} where position is null)`;
}

/** The catalogue's own marks of rules and parts stay when these are gone. */
function isPlainSql({ table }: Examined): string {
  return `(select relkind = 'r' and relpersistence = 'p' and not relrowsecurity from pg_class where oid = ${table})
    and not exists (select from pg_rewrite where ev_class = ${table})
    and not exists (select from pg_inherits where inhparent = ${table})`;
}

const COLUMNS = [
  'position bigint not null',
  'stream text collate "C" not null',
  'version bigint not null',
  'id text collate "C" not null',
  'type text collate "C" not null',
  'schema_version integer not null',
  'append_index integer not null',
  'correlation_id text collate "C" not null',
  'causation_id text collate "C"',
  'recorded_at timestamp with time zone not null',
  'size integer not null',
  'data json not null',
  'metadata json not null',
];

/** Types and collations are those that PostgreSQL means, whatever another schema calls so. */
function columnsSql({ table }: Examined): string {
  return `string_agg(attname
      || case atttypid when 20 then ' bigint' when 23 then ' integer' when 25 then ' text' when 114 then ' json'
        when 1184 then ' timestamp with time zone' else ' other' end
      || case attcollation when 0 then '' when 950 then ' collate "C"' else ' collate' end
      || case when attnotnull then ' not null' else '' end
      || case when attgenerated <> '' then ' generated' when atttypmod <> -1 then ' cut' else '' end, e'\\n')
    from pg_attribute where attrelid = ${table} and attnum > 0`;
}

const OWN = ['category', 'type', 'correlation', 'causation'].map((name) => `'events_${name}'`).join();

function lackingSql({ table }: Examined): string {
  return `string_agg(relname, e'\\n' order by relname) from pg_index join pg_class own on own.oid = indexrelid where indrelid = ${table}
    and indisvalid and (not indisready or relname in (${OWN}) and indpred is not null
      and (relname <> 'events_causation' or pg_get_expr(indpred, indrelid) <> '(causation_id IS NOT NULL)'))`;
}

/** From here on is what was made after the server was. Other kinds of index have none in SQL. */
const MADE_LATER = 16_384;

/** A comparison of somebody's may say that an event is not where the index has it. */
function foreignSql({ table }: Examined): string {
  return `string_agg(relname, e'\\n' order by relname) from pg_index join pg_class own on own.oid = indexrelid where indrelid = ${table}
    and indisvalid and exists (
      select from pg_opclass o where o.oid = any(indclass::oid[]) and o.oid >= ${MADE_LATER}
        and opcmethod in (select oid from pg_am where amname in ('btree', 'hash')))`;
}

/** Of what is read of an event to how it is read, with a function of somebody's: by input and output they are as PostgreSQL's own. */
function castsSql(): string {
  return `string_agg(format('%s to %s', castsource::regtype, casttarget::regtype), e'\n' order by oid) from pg_cast
    where oid >= ${MADE_LATER} and castmethod = 'f' and casttarget in ('text'::regtype, 'bigint'::regtype)
      and castsource in ('json'::regtype, 'text'::regtype, 'bigint'::regtype, 'integer'::regtype, 'double precision'::regtype)`;
}

const KEYS = ['position', 'stream, version', 'id'];

/** What an index only carries along has no class of operators. */
function keysSql({ table }: Examined): string {
  return `string_agg(columns, e'\\n') from (
      select string_agg(attname, ', ' order by nth) as columns from pg_index
        cross join unnest(indkey) with ordinality k(number, nth)
        join pg_attribute on attrelid = indrelid and attnum = number
        join pg_opclass o on o.oid = indclass[nth - 1]
      where indrelid = ${table} and indisunique and indisvalid and indpred is null and indexprs is null
      group by indexrelid having bool_and(opcdefault and o.oid < ${MADE_LATER})) of_index`;
}

type Say = (found: readonly string[]) => readonly string[];

/** Each asks for lines of text. */
const CHECKS: readonly (readonly [sql: (of: Examined) => string, say: Say])[] = [
  [outsideSql, ([count]) => (count === '0' ? [] : [`rows at positions that no log has: ${count}`])],
  [
    isPlainSql,
    ([is]) =>
      is === 't' ? [] : ['its table of events is a view, or unlogged, or has rules, policies or parts'],
  ],
  [lackingSql, some('these indexes do not have every event')],
  [castsSql, some('these conversions are not those of PostgreSQL')],
  [foreignSql, some('these indexes are in an order that is not of PostgreSQL')],
  [columnsSql, without(COLUMNS, 'its column is not what it was made as')],
  [keysSql, without(KEYS, 'nothing keeps this unique')],
];

function some(what: string): Say {
  return (found) => (found.length === 0 ? [] : [`${what}: ${found.join(', ')}`]);
}

function without(wanted: readonly string[], what: string): Say {
  return (found) => wanted.filter((it) => !found.includes(it)).map((it) => `${what}: ${it}`);
}
