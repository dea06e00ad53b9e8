import path from 'node:path';
import { memory, type OpenStorage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import { Client } from 'pg';
import { bareDatabase } from '../bench/sqlite/bare-database.js';
import { readAnchor, verifyLog, AuditFolder, type Finding } from '@backstory/audit';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { auditFolders, fillLog, seal, verify, type KeyedFolder } from '../support/sealed-log.js';
import { seededRandom } from '../support/seeded-random.js';
import { eventsOf, sqliteFiles } from '../support/sqlite-files.js';
import { ALTERATIONS, CUT_OFF, type Random, type StoredRow } from './audit-alterations.js';
import { seeds } from './seeds.js';

const COUNT = 1_000;
const UNTOUCHED = 100;
const [seed = 1] = seeds();

/** The database of a log, open to whoever may do anything with it. */
interface Behind {
  remove(positions: readonly number[]): Promise<void>;
  insert(rows: readonly StoredRow[]): Promise<void>;
  close(): Promise<void>;
}

const folders = auditFolders();

function randomOf(number: number): Random {
  const next = seededRandom(number);
  return { below: (end) => Math.floor(next() * end) };
}

describe('SQLite', () => {
  const files = sqliteFiles();
  found(
    async () => {
      const file = files.newFile();
      return { storage: await sqlite(file).open(), behind: () => behindSqlite(file) };
    },
    () => sqlite(files.newFile()).open(),
  );
});

describe('PostgreSQL', () => {
  let server: PostgresServer;
  let url: string;
  let count = 0;
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
  });
  afterAll(() => server?.stop());
  const open = (schema: string) => postgres(url, { schema, maxConnections: 2, notify: false }).open();
  found(
    async () => {
      const schema = `altered_${count++}`;
      return { storage: await open(schema), behind: () => behindPostgres(url, schema) };
    },
    () => open(`untouched_${count++}`),
  );
});

function found(
  openAltered: () => Promise<{ storage: OpenStorage; behind: () => Promise<Behind> }>,
  openAnother: () => Promise<OpenStorage>,
) {
  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async () => {
    for (const it of opened.splice(0)) await it.close();
  };
  afterEach(closeAll);
  const closing = <T extends { close(): Promise<void> }>(it: T): T => {
    opened.push(it);
    return it;
  };
  const altered = async () => {
    const { storage, behind } = await openAltered();
    closing(storage);
    return { storage, keyed: await sealedTwice(storage), back: closing(await behind()) };
  };

  test(`${COUNT} random alterations of a sealed and anchored log are found, each of them, and all are located (seed ${seed})`, async () => {
    const { storage, keyed, back } = await altered();
    const anchor = await readAnchor(path.join(keyed.folder, 'head.json'));
    const trust = await new AuditFolder(keyed.folder).keys();
    const whole = await rowsOf(storage);
    const sealed = whole.filter(({ position }) => position <= anchor.position);
    const since = whole.slice(sealed.length);
    const applied = new Map<string, number>();
    const names = Object.keys(ALTERATIONS);
    for (let i = 0; sumOf(applied) < COUNT; i++) {
      const random = randomOf(seed * 10_000 + i);
      const name = names[(i + random.below(names.length)) % names.length]!;
      const rows = ALTERATIONS[name]!(sealed, random);
      if (!rows) continue;
      applied.set(name, (applied.get(name) ?? 0) + 1);
      const made = name === CUT_OFF ? rows : [...rows, ...since];
      const changed = await replace(back, whole, made);
      const wanted = changed.filter((position) => position <= anchor.position);
      const result = await verifyLog(storage.events, { trust, folder: keyed.folder, anchors: [anchor] });
      const told = { seed, i, name, ok: result.ok, located: placesIn(result.findings, anchor.position) };
      expect(told).toEqual({ seed, i, name, ok: false, located: wanted });
      // Without the seals all of it is found as well, if not where.
      const alone = await verifyLog(storage.events, { trust, anchors: [anchor] });
      expect({ seed, i, name, ok: alone.ok }).toEqual({ seed, i, name, ok: false });
      await replace(back, made, whole);
    }
    expect([...applied.keys()].sort()).toEqual(names.sort());
    expect((await verify(storage, keyed, { anchors: [anchor] })).findings).toEqual([]);
  });

  test('a log cut off with the records of its seals is found by the seals, by an anchor, and by nothing else', async () => {
    const { storage, keyed, back } = await altered();
    const anchor = await readAnchor(path.join(keyed.folder, 'head.json'));
    const trust = await new AuditFolder(keyed.folder).keys();
    const whole = await rowsOf(storage);
    // The first seal and its record are left, and agree.
    const firstRecord = whole.find(({ stream }) => stream === '_audit')!.position;
    await replace(
      back,
      whole,
      whole.filter(({ position }) => position <= firstRecord),
    );
    const alone = await verifyLog(storage.events, { trust });
    expect(alone).toMatchObject({ ok: true, findings: [], seals: 1, anchors: 0, head: firstRecord });
    const truncated = { kind: 'truncated', sequence: 2, position: anchor.position, head: firstRecord };
    const anchored = await verifyLog(storage.events, { trust, anchors: [anchor] });
    expect(anchored.findings).toContainEqual(truncated);
    const { findings } = await verifyLog(storage.events, { trust, folder: keyed.folder });
    expect(findings).toContainEqual(truncated);
    const gone = whole.flatMap(({ position }) => (position > firstRecord ? [position] : []));
    expect(placesIn(findings, anchor.position)).toEqual(gone.filter((it) => it <= anchor.position));
  });

  test(`${UNTOUCHED} logs that nobody touched give no alarm`, async () => {
    for (let i = 0; i < UNTOUCHED; i++) {
      const random = randomOf(seed * 20_000 + i);
      const storage = closing(await openAnother());
      const keyed = await folders.newFolder();
      for (let round = 0; round < 1 + random.below(3); round++) {
        await fillLog(storage, 1 + random.below(12), round * 20);
        await seal(storage, keyed);
      }
      const anchor = await readAnchor(path.join(keyed.folder, 'head.json'));
      const result = await verify(storage, keyed, { anchors: [anchor] });
      expect({ seed, i, ...result }).toMatchObject({ seed, i, ok: true, findings: [], located: true });
      await closeAll();
    }
  });
}

/** Its beginning has free positions, as a log has that was restored from another store. */
async function sealedTwice(storage: OpenStorage): Promise<KeyedFolder> {
  const keyed = await folders.newFolder();
  const other = await memory().open();
  await fillLog(other, 30);
  const events = (await eventsOf(other.events)).map((event) => ({ ...event, position: 3 * event.position }));
  await storage.events.restore([{ events, through: 90 }]);
  await fillLog(storage, 20, 30);
  await seal(storage, keyed);
  await fillLog(storage, 50, 50);
  await seal(storage, keyed);
  await fillLog(storage, 5, 100);
  return keyed;
}

async function rowsOf({ events }: OpenStorage): Promise<readonly StoredRow[]> {
  const all = await eventsOf(events, { includeSystem: true });
  return all.map(({ recordedAt, ...event }) => ({ ...event, recordedAt: recordedAt.getTime() }));
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** Makes rows others, and gives the positions at which they are. */
async function replace(
  behind: Behind,
  from: readonly StoredRow[],
  to: readonly StoredRow[],
): Promise<readonly number[]> {
  const [old, now] = [from, to].map(
    (rows) => new Map(rows.map((row) => [row.position, JSON.stringify(row, KEYS)])),
  );
  const positions = [...new Set([...old!.keys(), ...now!.keys()])].sort((a, b) => a - b);
  const changed = new Set(positions.filter((position) => old!.get(position) !== now!.get(position)));
  await behind.remove([...changed]);
  await behind.insert(to.filter(({ position }) => changed.has(position)));
  return [...changed];
}

const KEYS = [
  'position',
  'stream',
  'version',
  'id',
  'type',
  'schemaVersion',
  'appendIndex',
  'data',
  'metadata',
  'recordedAt',
  'beside',
  'correlation',
  'causation',
  'own',
];

/** Every sealed position at which a finding says that something is wrong. */
function placesIn(findings: readonly Finding[], upTo: number): readonly number[] {
  const places = findings.flatMap((finding) => {
    if (finding.kind === 'column') return [finding.position];
    if (!('event' in finding)) return [];
    return finding.kind === 'moved' ? [finding.from, finding.position] : [finding.position];
  });
  return [...new Set(places)].filter((it) => it <= upTo).sort((a, b) => a - b);
}

/** What stands beside an event: what it says, and what somebody has made of it. */
function besideOf({ metadata, beside }: StoredRow) {
  const { correlationId, causationId = null } = JSON.parse(metadata) as Record<string, string>;
  return { correlation: correlationId!, causation: causationId, ...beside };
}

async function behindSqlite(file: string): Promise<Behind> {
  const database = bareDatabase('libsql', file);
  const aside = database.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events'`,
  );
  for (const [name] of aside.all([])) database.exec(`DROP TRIGGER ${name}`);
  const insert = database.prepare(`INSERT INTO events VALUES (${Array(13).fill('?').join(', ')})`);
  return {
    async remove(positions) {
      database.exec(`DELETE FROM events WHERE position IN (${positions.join(', ')})`);
    },
    async insert(rows) {
      database.exec('BEGIN');
      for (const row of rows) {
        const { position, stream, version, id, type, schemaVersion, data, metadata, recordedAt, appendIndex } = row; // prettier-ignore
        const { correlation, causation, own } = besideOf(row);
        const category = own === undefined ? stream.split('-')[0]! : `of-another-${own}`;
        insert.run([position, stream, category, version, id, type, schemaVersion, data, metadata, recordedAt, correlation, causation, appendIndex]); // prettier-ignore
      }
      database.exec('COMMIT');
    },
    close: async () => database.close(),
  };
}

async function behindPostgres(url: string, schema: string): Promise<Behind> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`set search_path = ${schema}; alter table events disable trigger all`);
  return {
    async remove(positions) {
      await client.query('delete from events where position = any($1::bigint[])', [positions]);
    },
    async insert(rows) {
      for (const row of rows) {
        const { position, stream, version, id, type, schemaVersion, appendIndex, data, metadata, recordedAt } = row; // prettier-ignore
        const { correlation, causation, own = 0 } = besideOf(row);
        const [microseconds, more] = own % 2 === 0 ? [own, 0] : [0, own];
        const size = Buffer.byteLength(data) + Buffer.byteLength(metadata) + more;
        await client.query(
          `insert into events (position, stream, version, id, type, schema_version, append_index, recorded_at, size, data, metadata,
            correlation_id, causation_id) values ($1, $2, $3, $4, $5, $6, $7,
            to_timestamp(0) + $8 * interval '1 millisecond' + $14 * interval '1 microsecond', $9, $10, $11, $12, $13)`,
          [
            position,
            stream,
            version,
            id,
            type,
            schemaVersion,
            appendIndex,
            recordedAt,
            size,
            data,
            metadata,
            correlation,
            causation,
            microseconds,
          ],
        );
      }
    },
    close: () => client.end(),
  };
}
