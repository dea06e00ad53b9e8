import { queryAt } from '../../../test/support/postgres-cluster.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, record } from '../../../test/support/sqlite-files.js';
import { postgres } from './postgres.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

test.each([1, 2, 3, 10])(
  'in pages of %i a stream is read to its end both ways, also where a version stands twice behind the store',
  async (pageSize) => {
    const url = await server.createDatabase();
    const storage = await postgres(url).open();
    const { events } = storage;
    try {
      await record(events, 'a-1', ...Array.from({ length: 4 }, () => anEvent()));
      await queryAt(
        url,
        `set search_path = backstory;
         alter table events drop constraint events_stream_version_key;
         create index events_stream_version_key on events (stream, version);
         insert into events (position, stream, version, append_index, id, type, schema_version, correlation_id, causation_id,
           recorded_at, size, data, metadata) select position + 10, stream, version, append_index, id || '!', type, schema_version, correlation_id,
           causation_id, recorded_at, size, data, metadata from events where version = 2`,
      );
      for (const backwards of [false, true]) {
        const versions: number[] = [];
        for await (const page of events.readStream('a-1', { pageSize, backwards })) {
          versions.push(...page.events.map(({ version }) => version));
          expect(versions.length).toBeLessThan(9);
        }
        expect([...new Set(versions)].sort()).toEqual([1, 2, 3, 4]);
      }
    } finally {
      await storage.close();
    }
  },
);
