import { PostgresCluster } from '../../support/postgres-cluster.js';
import { startPostgres, type PostgresServer } from '../../support/postgres-server.js';

/** There is no server, and the message says what to do about it. Rows that need none can be measured all the same. */
export class NoServer extends Error {
  override readonly name = 'NoServer';
}

/** One server for all who ask, started when the first does; the one at `BACKSTORY_TEST_POSTGRES_URL` where that is set. */
export function durableServer(): { server(): Promise<PostgresServer>; stop(): Promise<void> } {
  let started: Promise<PostgresServer> | undefined;
  return {
    server: () => (started ??= start()),
    async stop() {
      const running = await started?.catch(() => undefined); // who asked for it has been told
      await running?.stop();
    },
  };
}

async function start(): Promise<PostgresServer> {
  try {
    if (process.env['BACKSTORY_TEST_POSTGRES_URL']) return await startPostgres();
    const own = await PostgresCluster.create({ durable: true });
    await own.start();
    return { createDatabase: () => own.createDatabase(), stop: () => own.remove() };
  } catch (error) {
    throw new NoServer((error as Error).message, { cause: error });
  }
}
