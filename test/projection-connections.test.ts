import type { OpenStorage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import type { Projections } from '@backstory/projection';
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
  let projections: Projections;
  beforeEach(async () => {
    opened = await files.opened(postgres(await server.createDatabase(), { maxConnections: 1 }).open());
    projections = projectionsOn(opened, [totals()]);
    await projections.start();
  });
  afterEach(() => projections.close());

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
});
