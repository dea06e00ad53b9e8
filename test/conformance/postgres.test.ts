import { postgres } from '@backstory/postgres';
import { describeEventStore, describeStateStore } from '@backstory/testing';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { POSTGRES_CAPABILITIES, schemas } from './postgres-harness.js';

let server: PostgresServer;
let url: string;
beforeAll(async () => {
  server = await startPostgres();
  url = await server.createDatabase();
});
afterAll(() => server?.stop());

const storage = (schema: string) => postgres(url, { schema, maxConnections: 4 });

describeEventStore('the PostgreSQL event store', {
  capabilities: POSTGRES_CAPABILITIES,
  ...schemas('events', storage),
});
describeStateStore('the PostgreSQL state store', {
  capabilities: { durable: true },
  ...schemas('state', storage),
});
