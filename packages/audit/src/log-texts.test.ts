import { memory, type EventStore, type OpenStorage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import { bareDatabase } from '../../../test/bench/sqlite/bare-database.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { auditFolders, fillLog, seal, verify } from '../../../test/support/sealed-log.js';
import { eventsOf, sqliteFiles } from '../../../test/support/sqlite-files.js';
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
    const behind = bareDatabase('libsql', file);
    behind.exec('DROP TRIGGER events_never_change');
    behind.exec(`UPDATE events SET data = ${sql} WHERE position = 17`);
    behind.close();
    const { findings } = await verify(storage, keyed);
    expect(findings).toMatchObject([{ kind, position: 17, parts: ['data'] }]);
  });

  test('digits in place of a number are found', async () => {
    await fillLog(storage, 40);
    const keyed = await folders.newFolder();
    await seal(storage, keyed);
    const behind = bareDatabase('libsql', file);
    behind.exec('DROP TRIGGER events_never_change');
    behind.exec('PRAGMA writable_schema = ON');
    behind.exec(`UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = 'events'`);
    behind.close();
    const lax = bareDatabase('libsql', file);
    // What cannot be read as the number that the column holds stays a text.
    lax.exec(`UPDATE events SET version = version || 'x' WHERE position = 17`);
    lax.close();
    const { findings } = await verify(storage, keyed);
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'altered', position: 17, parts: ['header'] }),
    );
  });
});
