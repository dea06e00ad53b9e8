import { memory, type OpenStorage } from '@backstory/core';
import type { StrayColumn } from '@backstory/core/administration';
import { bareDatabase } from '../../../test/bench/sqlite/bare-database.js';
import { anEvent, eventsOf, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { sqlite } from './sqlite.js';
import { SqliteFile } from './sqlite-file.js';

const files = sqliteFiles();
let file: string;
let storage: OpenStorage;
beforeEach(async () => {
  file = files.newFile();
  storage = await files.opened(sqlite(file).open());
});

async function examined(): Promise<readonly (string | StrayColumn)[]> {
  const found: (string | StrayColumn)[] = [];
  for await (const page of storage.events.examine!()) found.push(...page);
  return found;
}

test('what is appended after the table was counted raises no alarm', async () => {
  await record(storage.events, 'account-1', anEvent(), anEvent('happened', { causationId: 'c' }));
  const { snapshot } = SqliteFile.prototype;
  const spy = jest.spyOn(SqliteFile.prototype, 'snapshot').mockImplementation(async function (
    this: SqliteFile,
    work,
  ) {
    await record(storage.events, 'account-1', anEvent(), anEvent('happened', { causationId: 'c' }));
    return snapshot.call(this, work);
  });
  try {
    expect(await examined()).toEqual([]);
    expect(spy).toHaveBeenCalled();
  } finally {
    spy.mockRestore();
  }
});

test('columns are looked at behind gaps as well, and indexes have what is there', async () => {
  const other = await memory().open();
  await record(other.events, 'account-1', ...Array.from({ length: 900 }, () => anEvent()));
  const events = (await eventsOf(other.events)).map((it) => ({ ...it, position: it.position ** 2 }));
  await storage.events.restore([{ events, through: 900 ** 2 }]);
  expect(await examined()).toEqual([]);
  const database = bareDatabase('libsql', file);
  database.exec(`DROP TRIGGER events_never_change; UPDATE events SET correlation_id = 'x' WHERE version IN (1, 500, 900);
    UPDATE events SET category = 'x' WHERE version = 500`);
  database.close();
  expect(await examined()).toEqual([
    { position: 1, column: 'correlation_id' },
    { position: 500 ** 2, column: 'category' },
    { position: 500 ** 2, column: 'correlation_id' },
    { position: 900 ** 2, column: 'correlation_id' },
  ]);
});

test.each([
  ['events_type', 'events_category'],
  ['events_id', 'events_correlation'],
])('%s and %s, exchanged as wholes, are told', async (one, other) => {
  const events = Array.from({ length: 40 }, () => anEvent('happened', { correlationId: 'c' }));
  await record(storage.events, 'account-1', ...events);
  expect(await examined()).toEqual([]);
  const [names] = [`name IN ('${one}', '${other}')`];
  const database = bareDatabase('libsql', file);
  database.exec(`PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET rootpage = (SELECT sum(rootpage) FROM sqlite_schema WHERE ${names}) - rootpage WHERE ${names};
    PRAGMA writable_schema = RESET`);
  database.close();
  await storage.close();
  storage = await files.opened(sqlite(file).open());
  expect(await examined()).toEqual(
    [one, other].map((it) => expect.stringContaining(`index ${it} has no entry for the event at position `)),
  );
});

test('an index that the schema hides by the case of a name is told', async () => {
  await record(storage.events, 'account-1', anEvent(), anEvent());
  const [, victim] = await eventsOf(storage.events);
  await storage.close();
  const database = bareDatabase('libsql', file);
  database.exec(`CREATE INDEX hiding ON events (type) WHERE id <> '${victim!.id}';
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET tbl_name = 'EVENTS', sql = substr(sql, 1, instr(sql, ' WHERE') - 1) WHERE name = 'hiding';
    PRAGMA writable_schema = RESET`);
  database.close();
  storage = await files.opened(sqlite(file).open());
  expect(await examined()).toEqual(["hiding is an index of events that is none of the store's"]);
});

test.each([
  ['evenly spread events, and hides the others', 'position % 4 = 1'],
  ['all events but a fiftieth', 'position NOT BETWEEN 201 AND 208'],
])('an index that is right at %s, is told', async (_, right) => {
  await record(storage.events, 'account-1', ...Array.from({ length: 400 }, () => anEvent()));
  await storage.close();
  const database = bareDatabase('libsql', file);
  const sql = 'CREATE INDEX events_type ON events (type)';
  database.exec(`PRAGMA writable_schema = ON; DROP INDEX events_type;
    ${sql.replace('(type)', `(CASE WHEN ${right} THEN type ELSE 'hidden' END)`)};
    UPDATE sqlite_schema SET sql = '${sql}' WHERE name = 'events_type'; PRAGMA writable_schema = RESET`);
  database.close();
  storage = await files.opened(sqlite(file).open());
  expect(await examined()).toEqual([
    expect.stringMatching(/^index events_type has no entry for the event at/),
  ]);
});
