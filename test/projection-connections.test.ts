import type { OpenStorage, Storage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import type { ProjectionSource, Projections } from '@backstory/projection';
import { sqlProjection } from '@backstory/projection/sql';
import { Deposited, recording } from './support/bank-events.js';
import { IN_TIME } from './support/eventually.js';
import { startPostgres, type PostgresServer } from './support/postgres-server.js';
import { projectionsOn, totals } from './support/projecting.js';
import { sqliteFiles } from './support/sqlite-files.js';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server.stop());
const files = sqliteFiles();

describe('with one connection', () => {
  let opened: OpenStorage;
  let storage: Storage;
  let projections: Projections;
  const running: Projections[] = [];
  beforeEach(async () => {
    storage = postgres(await server.createDatabase(), { maxConnections: 1 });
    opened = await files.opened(storage.open());
    projections = await run(totals());
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });
  const known = async (source: ProjectionSource) => {
    const own = projectionsOn(await files.opened(storage.open()), [source]);
    running.push(own);
    return own;
  };
  const run = async (source: ProjectionSource) => {
    const own = await known(source);
    await own.start();
    return own;
  };

  it('a projection is compared with the log while more is folded', async () => {
    const record = recording(opened.events);
    await record('1', new Deposited(5));
    await projections.caughtUp('totals', 1, IN_TIME);
    const more = record('1', ...Array.from({ length: 50 }, () => new Deposited(1)));
    const found = [await projections.verifyWithLog('totals')];
    await more;
    await projections.caughtUp('totals', (await opened.events.identity()).head, IN_TIME);
    found.push(await projections.verifyWithLog('totals'));
    for (const it of found) expect(it).toMatchObject({ isEqual: true, different: 0, documents: 2 });
    expect(found[1]!.position).toBeGreaterThanOrEqual(51);
  });

  it('two generations are compared while one is behind, forwards or back, and more is folded', async () => {
    const record = recording(opened.events);
    await record('1', new Deposited(5), new Deposited(6));
    await projections.caughtUp('totals', 2, IN_TIME);
    // Behind, and of the same code: folded forwards.
    await projections.close();
    const tool = await known(totals());
    await tool.rebuild('totals');
    const isEqual = { isEqual: true, different: 0, documents: 2, position: 2 };
    expect(await tool.verify('totals')).toMatchObject(isEqual);
    // What is read is behind, and of other code: the other one is folded back to there.
    const newer = await run(totals(2));
    await record('2', new Deposited(7));
    await newer.filled('totals', 3);
    const more = record('1', ...Array.from({ length: 50 }, () => new Deposited(1)));
    expect(await newer.verify('totals')).toMatchObject({ isEqual: true, documents: 2 });
    await more;
    expect(await newer.verify('totals')).toMatchObject({ isEqual: true, documents: 2 });
  });

  it('tables are compared while rows are written', async () => {
    const counted = sqlProjection('counted', {
      version: 1,
      tables: { rows: { columns: { position: 'bigint', amount: 'bigint not null' }, key: ['position'] } },
      events: { Deposited },
      handle: {
        Deposited: ({ amount }, { position }, { sql, rows }) =>
          sql`insert into ${rows} (position, amount) values (${position}, ${amount})`,
      },
    });
    const writing = await run(counted);
    await writing.fill('counted');
    const more = recording(opened.events)('1', ...Array.from({ length: 50 }, () => new Deposited(1)));
    expect((await writing.verify('counted')).isEqual).toBe(true);
    const asked = writing.tables<'rows'>('counted').asOf(1);
    expect(await asked.query(({ sql, rows }) => sql`select position from ${rows}`)).toEqual([]);
    await more;
  });
});
