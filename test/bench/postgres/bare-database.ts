import { postgres } from '@backstory/postgres';
import { Client } from 'pg';
import type { PostgresServer } from '../../support/postgres-server.js';

/** A new database in which the store has made its tables, and a connection of the driver's own to it. */
export interface BareDatabase {
  readonly url: string;
  readonly client: Client;
}

/** `events` is the store's table there. @throws Error where a power cut could lose what was committed */
export async function bareDatabase(server: Pick<PostgresServer, 'createDatabase'>): Promise<BareDatabase> {
  const url = await server.createDatabase();
  await (await postgres(url).open()).close();
  const client = new Client({ connectionString: url, options: '-c search_path=backstory' });
  await client.connect();
  await checkDurable(client);
  return { url, client };
}

/** Rows as arrays of the texts that the server sends: the driver parses nothing. */
export async function rowsOf<Row extends readonly (string | null)[]>(
  client: Client,
  query: { readonly name?: string; readonly text: string; readonly values?: readonly unknown[] },
): Promise<Row[]> {
  const { rows } = await client.query({
    ...query,
    values: [...(query.values ?? [])],
    rowMode: 'array',
    types: { getTypeParser: () => String },
  });
  return rows as unknown[] as Row[];
}

/** What a statement gives that reads so many rows after a position, which is the first column, until there are none. */
export async function* bareScan(client: Client, text: string): AsyncGenerator<readonly string[][]> {
  for (let position = '0'; ;) {
    const rows = await rowsOf<string[]>(client, { name: 'page', text, values: [position] });
    if (rows.length === 0) return;
    yield rows;
    position = rows.at(-1)![0]!;
  }
}

/** Table, indexes and triggers of the log as the server describes them, and the settings of this connection. */
export async function eventsTable(client: Client): Promise<string> {
  const settings = await rowsOf<[string, string]>(client, { text: SETTINGS });
  const columns = await rowsOf<[string]>(client, { text: COLUMNS });
  const others = await rowsOf<[string]>(client, { text: INDEXES_AND_TRIGGERS });
  return [
    `-- PostgreSQL: ${settings.map(([name, value]) => `${name} = ${value}`).join(', ')}\n`,
    `CREATE TABLE events (\n  ${columns.map(([column]) => column).join(',\n  ')}\n);\n`,
    ...others.map(([made]) => `${made};\n`),
  ].join('');
}

/** @throws Error where one side would have more to keep up than the other, or be less durable */
export async function checkSameTables(ours: Client, bare: Client): Promise<void> {
  const [wanted, found] = [await eventsTable(ours), await eventsTable(bare)];
  if (found !== wanted)
    throw new Error(
      `The bare side does not have the same tables, indexes and settings as the store.\nThe store:\n${wanted}Bare:\n${found}`,
    );
}

async function checkDurable(client: Client): Promise<void> {
  const settings = await rowsOf<[string, string]>(client, { text: SETTINGS });
  const lax = settings.filter(([name, value]) => DURABLE.includes(name) && value !== 'on');
  if (lax.length === 0) return;
  await client.end();
  const found = lax.map(([name, value]) => `${name} = ${value}`).join(', ');
  throw new Error(`The PostgreSQL server has ${found}: what it has committed may be lost. Set it to on.`);
}

const DURABLE = ['fsync', 'full_page_writes', 'synchronous_commit'];

const SETTINGS = `select name, setting from pg_settings
  where name in ('server_version', 'shared_buffers', 'jit', ${DURABLE.map((name) => `'${name}'`).join(', ')}) order by name`;

const COLUMNS = `select concat_ws(' ', attname, format_type(atttypid, atttypmod),
    case when attcollation = '"C"'::regcollation then 'COLLATE "C"' end, case when attnotnull then 'NOT NULL' end)
  from pg_attribute where attrelid = 'events'::regclass and attnum > 0 and not attisdropped order by attnum`;

const INDEXES_AND_TRIGGERS = `
  select made from (
    select 1, indexname, indexdef from pg_indexes where schemaname = 'backstory' and tablename = 'events'
    union all
    select 2, tgname, pg_get_triggerdef(oid) from pg_trigger where tgrelid = 'events'::regclass and not tgisinternal
  ) made_of (part, name, made) order by part, name`;
