import { memory, type EventStore, type OpenStorage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import { bareDatabase } from '../../../test/bench/sqlite/bare-database.js';
import { behindItsBack } from '../../../test/support/behind-its-back.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { auditFolders, fillLog, seal, verify } from '../../../test/support/sealed-log.js';
import { anEvent, eventsOf, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { auditReport } from './audit-report.js';
import { LineHasher } from './line-hasher.js';
import { logLines } from './log-lines.js';
import { logTexts } from './log-texts.js';

const files = sqliteFiles();
const folders = auditFolders();
let file: string;
let storage: OpenStorage;
const onSqlite = async () => {
  file = files.newFile();
  storage = await files.opened(sqlite(file, { driver: 'libsql', maxEventBytes: 2 ** 23 }).open());
};

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server.stop());
const onPostgres = async () => {
  const url = await server.createDatabase();
  storage = await files.opened(postgres(url, { maxEventBytes: 2 ** 23 }).open());
};

type Texts = Partial<Record<'data' | 'actor' | 'stream' | 'type', string>>;

/** Events with these texts in place of their own, recorded at positions that are not all taken. */
async function restored(texts: readonly Texts[]) {
  const other = await files.opened(memory().open());
  await fillLog(other, texts.length);
  const events = (await eventsOf(other.events)).map((event, i) => {
    const { actor, stream = `own-${i}`, ...own } = texts[i]!;
    const metadata = JSON.stringify({ ...(JSON.parse(event.metadata) as object), actor });
    return { ...event, ...own, metadata, stream, position: 2 * i + 1, version: 1 };
  });
  await storage.events.restore([{ events, through: 2 * texts.length }]);
}

/** The same log, of which the lines are made of its events. */
function byEvents(): EventStore {
  return Object.create(storage.events, { readTexts: {} }) as EventStore;
}

async function linesOf(store: EventStore, size: number): Promise<readonly string[]> {
  const { head: upTo } = await store.identity();
  const hasher = new LineHasher();
  const lines: string[] = [];
  for await (const part of logLines(store, { after: 0, upTo }, { hasher, size }))
    if ('lines' in part) lines.push(...Buffer.from(part.lines).toString().split('\n').slice(0, -1));
  await hasher.close();
  return lines;
}

describe.each([
  ['SQLite', onSqlite],
  ['PostgreSQL', onPostgres],
])('on %s', (_, opened) => {
  beforeEach(opened);

  test('a store gives the texts that its events have, whatever stands in them', async () => {
    const texts = ['"', 'Upper', '\\', '\\u0041', 'ü€😀', '\u2028', '/', "it's", '%s %d', '1 2 3 ', '\u00a0'];
    await restored(
      texts.flatMap((text) => [
        { stream: `a-${text}` },
        { type: `t${text}` },
        { data: JSON.stringify({ text }), actor: text },
      ]),
    );
    await fillLog(storage, 2_500);
    for (const size of [0, 1_000, 1_023]) {
      const readAll = jest.spyOn(storage.events, 'readAll');
      const given = await linesOf(storage.events, size);
      expect(readAll).not.toHaveBeenCalled();
      readAll.mockRestore();
      const made = await linesOf(byEvents(), size);
      expect(given).toHaveLength(3 * texts.length + 2_500);
      expect(given).toEqual(made);
    }
  });

  test('what is large comes in smaller pages, and what is larger than any by itself', async () => {
    const text = (mebibytes: number) => JSON.stringify({ text: 'ü'.repeat((mebibytes / 2) * 2 ** 20) });
    await restored([0.1, 3, 3, 5, 0.1, 0.1].map((mebibytes) => ({ data: text(mebibytes) })));
    const [given, made] = [await linesOf(storage.events, 0), await linesOf(byEvents(), 0)];
    expect(given).toHaveLength(6);
    expect(given).toEqual(made);
    const counts: number[] = [];
    for await (const part of logTexts(storage.events, { after: 0, upTo: 11 }, { size: 0 }))
      if ('bytes' in part) counts.push(part.count);
    expect(Math.max(...counts)).toBeLessThan(6);
  });
});

describe('on SQLite', () => {
  beforeEach(onSqlite);

  test.each([
    ['bytes that are no UTF-8', `CAST(x'7bff7d' AS TEXT)`, 'altered'],
    ['what stands behind a NUL', `data || CAST(x'00' AS TEXT) || 'more'`, 'altered'],
    ['a blank', `data || ' '`, 'altered'],
  ])('%s are found in what is stored', async (_, sql, kind) => {
    await fillLog(storage, 40);
    const keyed = await folders.newFolder();
    await seal(storage, keyed);
    behindItsBack(file, `UPDATE events SET data = ${sql} WHERE position = 17`);
    const { findings } = await verify(storage, keyed);
    expect(findings).toMatchObject([{ kind, position: 17, parts: ['data'] }]);
  });

  test.each(['data', 'metadata', 'type'])(
    'a report over %s that is no text ends with what to do',
    async (column) => {
      await fillLog(storage, 40);
      behindItsBack(file, `UPDATE events SET ${column} = CAST(x'7bff7d' AS TEXT) WHERE position = 17`);
      const reading = async () => {
        for await (const _ of auditReport({ events: storage.events, aggregates: [] }, { format: 'csv' }));
      };
      await expect(reading()).rejects.toMatchObject({
        code: 'BACKSTORY_STORE_UNUSABLE',
        problem: 'corrupt',
        message: expect.stringMatching(/bytes that are no UTF-8 .*: run "backstory audit verify"/) as string,
      });
    },
  );

  /** Changes what the table does not take, and leaves it as it was made. */
  function lax(sql: string) {
    const database = bareDatabase('libsql', file);
    const [[made]] = database.prepare(`SELECT sql FROM sqlite_schema WHERE name = 'events'`).all([]) as [
      [string],
    ];
    const named = "name = 'events'";
    const anything = made.replace(') STRICT', ')').replace('version INTEGER', 'version');
    database.exec(`DROP TRIGGER events_never_change; PRAGMA writable_schema = ON`);
    database.exec(
      `UPDATE sqlite_schema SET sql = '${anything}' WHERE ${named}; PRAGMA writable_schema = RESET`,
    );
    database.exec(sql);
    database.exec(`PRAGMA writable_schema = ON`);
    database.exec(`UPDATE sqlite_schema SET sql = '${made}' WHERE ${named}; PRAGMA writable_schema = RESET`);
    database.close();
  }

  test('what is missing before an event that cannot be read is named as well', async () => {
    await fillLog(storage, 40);
    const keyed = await folders.newFolder();
    await seal(storage, keyed);
    lax(`UPDATE events SET data = CAST(data AS BLOB) WHERE position = 17`);
    behindItsBack(file, 'DELETE FROM events WHERE position IN (14, 15, 16)');
    const { findings } = await verify(storage, keyed);
    const found = findings.map((it) => ('position' in it ? [it.kind, it.position] : it));
    expect(found).toEqual([
      ['missing', 14],
      ['missing', 15],
      ['missing', 16],
      ['unreadable', 17],
    ]);
  });

  describe.each([
    ['small events', 0.001],
    ['a large event before it', 5],
  ])('%s', (_name, mebibytes) => {
    test.each([
      ['version', 'CAST(version AS BLOB)', 'unreadable'],
      ['version', "x'06'", 'unreadable'],
      ['version', 'CAST(version AS TEXT)', 'altered'],
      ['version', "version || 'x'", 'altered'],
      ['id', 'CAST(id AS BLOB)', 'unreadable'],
      ['type', 'CAST(type AS BLOB)', 'unreadable'],
      ['stream', 'CAST(stream AS BLOB)', 'unreadable'],
      ['append_index', 'CAST(append_index AS BLOB)', 'unreadable'],
      ['recorded_at', "strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at / 1000.0, 'unixepoch')", 'altered'],
      ['data', 'CAST(data AS BLOB)', 'unreadable'],
      ['metadata', 'CAST(metadata AS BLOB)', 'unreadable'],
      ['category', 'CAST(category AS BLOB)', 'column'],
      ['correlation_id', 'CAST(correlation_id AS BLOB)', 'column'],
      ['causation_id', 'CAST(causation_id AS BLOB)', 'column'],
    ])('%s that is %s, though it looks the same, is found and located', async (column, value, kind) => {
      const text = JSON.stringify({ text: 'x'.repeat(mebibytes * 2 ** 20) });
      await storage.events.append([
        {
          stream: 'large-1',
          expected: 0,
          events: [{ ...anEvent(), data: text }, anEvent('then', { causationId: 'c' })],
        },
      ]);
      await fillLog(storage, 10);
      const keyed = await folders.newFolder();
      await seal(storage, keyed);
      lax(
        `UPDATE events SET ${column} = ${value} WHERE position = 2; UPDATE events SET data = '{}' WHERE position = 9`,
      );
      const { findings, count } = await verify(storage, keyed);
      // What an index does not find any more is said as well.
      const events = findings.filter((it) => it.kind !== 'store');
      expect(events.map((it) => [it.kind, 'position' in it && it.position])).toEqual(
        kind === 'column'
          ? [
              ['altered', 9],
              [kind, 2],
            ]
          : [
              [kind, 2],
              ['altered', 9],
            ],
      );
      expect(count - (findings.length - events.length)).toBe(2);
    });
  });
});
