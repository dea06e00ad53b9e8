import { findingText, type Finding } from '@backstory/audit';
import { memory, type OpenStorage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import { Client } from 'pg';
import { bareDatabase } from './bench/sqlite/bare-database.js';
import { behindItsBack } from './support/behind-its-back.js';
import { startPostgres, type PostgresServer } from './support/postgres-server.js';
import { hasNodeSqlite } from './support/has-node-sqlite.js';
import { auditFolders, fillLog, seal, verify, type KeyedFolder } from './support/sealed-log.js';
import { anEvent, eventsOf, sqliteFiles } from './support/sqlite-files.js';

/** A log that is sealed, and its database, open to whoever may do anything with it. */
interface Sealed {
  readonly storage: OpenStorage;
  readonly keyed: KeyedFolder;
  readonly behind: (sql: string) => Promise<void>;
  /** Every column that there is: `events.stream`. */
  readonly columns: () => Promise<readonly string[]>;
}

const folders = auditFolders();

/** The event that is altered. */
const AT = 7;

/** In both databases: what is written into the column, in SQL, and what is said of it. */
const FOUND: Readonly<Record<string, readonly [value: string, says: RegExp]>> = {
  'events.position': ['700', /account-\d v\d\) is missing/],
  'events.stream': [`'account-of-another'`, /was altered: stream account-\d → account-of-another/],
  'events.version': ['4711', /was altered: version \d → 4711/],
  'events.id': [`'another'`, /was altered: id .* → another/],
  'events.type': [`'another'`, /was altered: type account.* → another/],
  'events.schema_version': ['2', /was altered: schemaVersion 1 → 2/],
  'events.append_index': ['9', /was altered: appendIndex \d → 9/],
  'events.data': [`'null'`, /was altered: its data/],
  'events.metadata': [`'{}'`, /was altered: its metadata/],
  'events.correlation_id': [`'another'`, /its column correlation_id is not what the event says/],
  'events.causation_id': [`'another'`, /its column causation_id is not what the event says/],
};

const REST = `"source":"test","occurredAt":"2026-11-20T12:00:00.000Z"`;
const IDS = [
  ['correlation_id', `'x'`],
  ['correlation_id', `'cc'`],
  ['causation_id', `'x'`],
  ['causation_id', 'NULL'],
] as const;

/** Metadata that other programs may have written, and what somebody might make of its columns. */
const ODD: Readonly<
  Record<string, { readonly metadata: string; readonly forged: readonly (readonly [string, string])[] }>
> = {
  'ids as they are mostly written': {
    metadata: `{"correlationId":"c","causationId":"k",${REST}}`,
    forged: IDS,
  },
  'ids in another order': { metadata: `{${REST},"causationId":"k","correlationId":"c"}`, forged: IDS },
  'a cause further behind': {
    metadata: `{"correlationId":"c","source":"test","causationId":"k","occurredAt":"2026-11-20T12:00:00.000Z"}`,
    forged: [...IDS, ['causation_id', `'test'`]],
  },
  blanks: { metadata: `{ "correlationId" : "c", "causationId" : "k", ${REST}}`, forged: IDS },
  'an escaped NUL': {
    metadata: `{"correlationId":"c","causationId":"k",${REST},"note":"\\u0000"}`,
    forged: IDS,
  },
  'ids inside': {
    metadata: `{"origin":{"correlationId":"x","causationId":"x"},"correlationId":"c","causationId":"k",${REST}}`,
    forged: IDS,
  },
  'ids inside, behind': {
    metadata: `{"correlationId":"c","causationId":"k",${REST},"origin":{"correlationId":"x","causationId":"x"}}`,
    forged: IDS,
  },
  'an id inside alone': {
    metadata: `{"correlationId":"c",${REST},"origin":{"causationId":"x"}}`,
    forged: [['causation_id', `'x'`]],
  },
  'ids twice': {
    metadata: `{"correlationId":"y","causationId":"y","correlationId":"c","causationId":"k",${REST}}`,
    forged: IDS,
  },
  'an escape in a key': { metadata: `{"correl\\u0061tionId":"c","causationId":"k",${REST}}`, forged: IDS },
  'an escape in the key of the cause': {
    metadata: `{"correlationId":"c","caus\\u0061tionId":"k",${REST}}`,
    forged: IDS,
  },
  'quotes in an id': {
    metadata: `{"correlationId":"c\\"d\\\\","causationId":"k",${REST}}`,
    forged: [...IDS, ['correlation_id', `'c\\'`], ['correlation_id', `'c'`]],
  },
  'quotes in an id, and no cause': {
    metadata: `{"correlationId":"c\\"d",${REST}}`,
    forged: [['correlation_id', `'c\\'`]],
  },
  'no cause': {
    metadata: `{"correlationId":"c",${REST}}`,
    forged: [
      ['correlation_id', `'x'`],
      ['causation_id', `'k'`],
      ['correlation_id', `'c","source":"test'`],
    ],
  },
  'letters of many kinds': {
    metadata: `{"correlationId":"\u4e2d","causationId":"\u00fc",${REST}}`,
    forged: IDS,
  },
};

/** Nothing that reads give of the log depends on it. */
const FREE: Readonly<Record<string, string>> = {
  'meta.one': 'a constraint leaves it one value',
  'meta.schema_version': 'who opens the store looks at it',
  'meta.epoch': 'adopting a log raises it rightly; consumers who see another one stop and say so',
  'meta.epoch_start': 'the same',
  'state.collection':
    'read models, checkpoints and marks: worked out of the log, and checked against it by others',
  'state.key': 'the same',
  'state.value': 'the same',
  'leases.name': 'who may act at present',
  'leases.owner': 'the same',
  'leases.token': 'the same',
};

// One library for both ends: each forgets the locks of the other, where they have a file open in one process.
describe.each(hasNodeSqlite() ? (['libsql', 'node:sqlite'] as const) : (['libsql'] as const))(
  'on SQLite, %s',
  (driver) => {
    const files = sqliteFiles();
    columns({
      found: {
        ...FOUND,
        'events.metadata, in no JSON': [`'{'`, /was altered: its metadata/],
        'events.recorded_at': ['recorded_at + 1', /was altered: recordedAt/],
        'events.category': [`'another'`, /its column category is not what the event says/],
      },
      free: { ...FREE, 'leases.ttl_ms': 'who may act at present', 'leases.expires_at': 'the same' },
      async open() {
        const file = files.newFile();
        const storage = await files.opened(sqlite(file, { driver }).open());
        const behind = async (sql: string) => behindItsBack(file, sql, driver);
        const columns = async () => {
          const database = bareDatabase(driver, file);
          const rows = database.prepare(COLUMNS).all([]);
          database.close();
          return rows.map(([name]) => String(name));
        };
        return { storage, behind, columns };
      },
    });
  },
);

const COLUMNS = `SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'`;

describe('on PostgreSQL', () => {
  let server: PostgresServer;
  const files = sqliteFiles();
  beforeAll(async () => void (server = await startPostgres()));
  afterAll(() => server?.stop());
  columns({
    found: {
      ...FOUND,
      'events.recorded_at': [`recorded_at + interval '1 second'`, /was altered: recordedAt/],
      'events.recorded_at, in microseconds': [
        `recorded_at + interval '1 microsecond'`,
        /its column recorded_at is not what the event says/,
      ],
      'events.recorded_at, for ever': [`'infinity'`, /the store cannot read account/],
      'events.size': ['size - 1', /its column size is not what the event says/],
    },
    free: {
      ...FREE,
      'meta.usable_from': 'who opens the store looks at it',
      'lease_times.name': 'who may act at present',
      'lease_times.ttl_ms': 'the same',
      'lease_times.expires_at': 'the same',
    },
    async open() {
      const url = await server.createDatabase();
      const storage = await files.opened(postgres(url).open());
      const query = async (sql: string) => {
        const client = new Client({ connectionString: url });
        await client.connect();
        try {
          return (await client.query(`set search_path = backstory; ${sql}`)) as unknown as QueryResults;
        } finally {
          await client.end();
        }
      };
      const behind = async (sql: string) => {
        await query(`alter table events disable trigger all; ${sql}; alter table events enable trigger all`);
      };
      const columns = async () => {
        const results = await query(
          `select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'backstory'`,
        );
        return results.at(-1)!.rows.map(({ name }) => name);
      };
      return { storage, behind, columns };
    },
  });
});

type QueryResults = readonly { readonly rows: readonly { readonly name: string }[] }[];

function columns({
  found,
  free,
  open,
}: {
  readonly found: Readonly<Record<string, readonly [value: string, says: RegExp]>>;
  readonly free: Readonly<Record<string, string>>;
  readonly open: () => Promise<Omit<Sealed, 'keyed'>>;
}) {
  const sealed = async (fill: (storage: OpenStorage) => Promise<unknown>): Promise<Sealed> => {
    const opened = await open();
    await fill(opened.storage);
    const keyed = await folders.newFolder();
    await seal(opened.storage, keyed);
    return { ...opened, keyed };
  };

  test.each(Object.entries(found))(
    '%s, altered behind its back, is found and located',
    async (name, [value, says]) => {
      const [, column] = /^events\.(\w+)/.exec(name)!;
      const { storage, keyed, behind } = await sealed((it) => fillLog(it, 20));
      expect(await verify(storage, keyed)).toMatchObject({ ok: true, findings: [] });
      await behind(`UPDATE events SET ${column} = ${value} WHERE position = ${AT}`);
      const { ok, findings, count } = await verify(storage, keyed);
      expect({ ok, count, places: placesOf(findings) }).toEqual({ ok: false, count: 1, places: [AT] });
      expect(findings.map(findingText).join()).toMatch(says);
    },
  );

  test('which log it is cannot be altered either', async () => {
    const { storage, keyed, behind } = await sealed((it) => fillLog(it, 20));
    await behind(`UPDATE meta SET log_id = 'another'`);
    expect((await verify(storage, keyed)).findings).toMatchObject([{ kind: 'other-log', found: 'another' }]);
  });

  test('there is no column of which this was not thought', async () => {
    const { columns } = await open();
    const known = [
      ...Object.keys(found).map((name) => name.split(',')[0]!),
      ...Object.keys(free),
      'meta.log_id',
    ];
    expect([...(await columns())].sort()).toEqual([...new Set(known)].sort());
  });

  test.each(Object.entries(ODD))(
    'metadata with %s raises no alarm, and a column that says otherwise does',
    async (_, odd) => {
      const { metadata, forged } = odd;
      const events = [anEvent(), { ...anEvent(), metadata }, anEvent()];
      const append = (it: OpenStorage) => it.events.append([{ stream: 'odd-1', expected: 0, events }]);
      const { storage, keyed, behind } = await sealed(append);
      expect(await verify(storage, keyed)).toMatchObject({ ok: true, findings: [] });
      await behind('CREATE TABLE kept AS SELECT * FROM events');
      for (const [column, value] of forged) {
        await behind(`UPDATE events SET ${column} = ${value} WHERE position = 2`);
        const { findings } = await verify(storage, keyed);
        expect({ value, findings }).toEqual({ value, findings: [{ kind: 'column', position: 2, column }] });
        await behind(
          `UPDATE events SET ${column} = (SELECT ${column} FROM kept WHERE position = 2) WHERE position = 2`,
        );
      }
    },
  );

  test.each([-62_135_596_800_000, -9_000_000_000_123, 0, 253_402_300_799_999])(
    'a log that was restored with times of %d raises no alarm',
    async (time) => {
      const other = await memory().open();
      await fillLog(other, 20);
      const recordedAt = new Date(time);
      const events = (await eventsOf(other.events)).map((event) => ({ ...event, recordedAt }));
      const { storage, keyed } = await sealed((it) => it.events.restore([{ events, through: 20 }]));
      expect(await verify(storage, keyed)).toMatchObject({ ok: true, findings: [] });
    },
  );

  test('columns of an event that was altered itself are not told beside it, and others are counted', async () => {
    const { storage, keyed, behind } = await sealed((it) => fillLog(it, 20));
    await behind(`UPDATE events SET correlation_id = 'x', causation_id = 'x' WHERE position > 1`);
    await behind(`UPDATE events SET type = 'another' WHERE position = ${AT}`);
    const { count, findings } = await verify(storage, keyed);
    expect({ count, places: placesOf(findings).length }).toEqual({ count: 39, places: 39 });
    expect(findings.filter(({ kind }) => kind === 'altered')).toMatchObject([{ position: AT }]);
    expect(await verify(storage, keyed, { maxFindings: 3 })).toMatchObject({ count: 41 });
  });
}

function placesOf(findings: readonly Finding[]): readonly number[] {
  return findings.flatMap((it) => (it.kind === 'moved' ? [it.from] : 'position' in it ? [it.position] : []));
}
