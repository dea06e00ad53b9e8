import type { OpenStorage } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { queryAt } from '../../../test/support/postgres-cluster.js';
import { anEvent, record } from '../../../test/support/sqlite-files.js';
import { postgres } from './postgres.js';

let server: PostgresServer;
let storage: OpenStorage;
beforeAll(async () => void (server = await startPostgres()));
afterEach(() => storage.close());
afterAll(() => server?.stop());

/** Of a table that was written to, looked at when the transaction commits. */
const REFUSE_HASTE = `
create function refuse_haste() returns trigger language plpgsql as $$
begin
  if current_setting('synchronous_commit') <> tg_argv[0] then
    raise exception '% commits with synchronous_commit %', tg_table_name, current_setting('synchronous_commit');
  end if;
  return null;
end
$$;`;

test.each([
  ['off', 'on'],
  ['local', 'local'],
])('what is written with synchronous_commit %s is committed with %s', async (set, committed) => {
  const url = await server.createDatabase();
  await queryAt(url, `alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = ${set}`);
  storage = await postgres(url).open();
  const triggers = ['events', 'meta', 'state', 'leases'].map(
    (table) => `create constraint trigger haste after insert or update on backstory.${table}
      deferrable initially deferred for each row execute function refuse_haste('${committed}');`,
  );
  await queryAt(url, REFUSE_HASTE + triggers.join(''));

  const { events, state } = storage;
  const other = new MemoryEventStore();
  await record(other, 'a-1', anEvent());
  await events.restore(other.readAll());
  await record(events, 'a-1', anEvent());
  await events.adopt();
  const lease = await state.acquire('job', { owner: 'one', ttlMs: 60_000 });
  await state.transaction([], (draft) => draft.put('c', 'a', '1'));
  await state.transaction([lease!], (draft) => draft.put('c', 'b', '2'));
  expect(await events.identity()).toMatchObject({ head: 2, epoch: 2 });
  expect(await state.read((view) => view.count('c'))).toBe(2);
});
