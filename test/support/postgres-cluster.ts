import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { KeptFolder, type KeptProcess, type User } from './kept-folder.js';
import { placeBinaries } from './postgres-binaries.js';

export interface ClusterOptions {
  /** `false`: a power cut may lose data, which a test does not mind. Default false. */
  readonly durable?: boolean;
}

/**
 * A PostgreSQL server of one's own, to be killed, restarted, copied and promoted. It listens on a Unix socket in a temporary
 * folder, which is gone with everything in it after `remove()` and however this process ends.
 */
export class PostgresCluster {
  private server: KeptProcess | undefined;

  private constructor(
    private readonly folder: KeptFolder,
    private readonly bin: string,
    private readonly place: { readonly name: string; readonly port: number; readonly durable: boolean },
  ) {}

  /** A new cluster, which does not run yet. @throws Error saying what is missing */
  static async create({ durable = false }: ClusterOptions = {}): Promise<PostgresCluster> {
    return told(async () => {
      const folder = await KeptFolder.create(await unprivilegedUser());
      try {
        const bin = await placeBinaries(folder.path);
        if (bin.startsWith(folder.path))
          await folder.handOver(join(folder.path, 'server'), { recursive: true });
        const cluster = new PostgresCluster(folder, bin, { name: 'data', port: 5432, durable });
        await cluster.initialise();
        return cluster;
      } catch (error) {
        await folder.remove();
        throw error;
      }
    });
  }

  /** The URL of a database of this server. */
  url(database = 'postgres'): string {
    return `postgres://postgres@${encodeURIComponent(this.folder.path)}:${this.place.port}/${database}`;
  }

  /** A tool of the server's version, where it comes with it. */
  tool(name: string): string | undefined {
    const tool = join(this.bin, name);
    return existsSync(tool) ? tool : undefined;
  }

  /** Resolves when it answers. */
  async start(): Promise<this> {
    const { name, port, durable } = this.place;
    const settings = {
      listen_addresses: '',
      port,
      unix_socket_directories: this.folder.path,
      // In the folder, so that it is gone with it.
      dynamic_shared_memory_type: 'mmap',
      max_connections: 400,
      shared_buffers: '128MB',
      fsync: durable ? 'on' : 'off',
      full_page_writes: durable ? 'on' : 'off',
      log_min_messages: 'warning',
    };
    const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    this.server = this.folder.start(join(this.bin, 'postgres'), [
      '-D',
      join(this.folder.path, name),
      ...flags,
    ]);
    await told(() => this.answers(this.server!));
    return this;
  }

  /** As a crash does: nothing is flushed, no connection is told. */
  async kill(): Promise<void> {
    await this.server?.end('SIGQUIT');
  }

  /** A copy that follows this server once both run. This one must never have run, or have been stopped. */
  async standby(): Promise<PostgresCluster> {
    const { folder, bin } = this;
    const place = { ...this.place, name: `${this.place.name}-standby`, port: this.place.port + 1 };
    const data = join(folder.path, place.name);
    await cp(join(folder.path, this.place.name), data, { recursive: true });
    await appendFile(join(data, 'standby.signal'), '');
    const conninfo = `host=${folder.path} port=${this.place.port} user=postgres`;
    await appendFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
    await folder.handOver(data, { recursive: true });
    return new PostgresCluster(folder, bin, place);
  }

  /** As a standby, receives nothing more of the server that it follows. */
  async cutOff(): Promise<void> {
    await queryAt(this.url(), `alter system set primary_conninfo = ''`);
    await queryAt(this.url(), 'select pg_reload_conf()');
    const receivers = () => queryAt(this.url(), 'select 1 from pg_stat_wal_receiver');
    while ((await receivers()).length > 0) await new Promise((wait) => setTimeout(wait, 20));
  }

  /** As a standby, becomes a server of its own with what it has received. */
  async promote(): Promise<void> {
    await queryAt(this.url(), 'select pg_promote(true, 60)');
  }

  /** The URL of a new, empty database. */
  async createDatabase(): Promise<string> {
    const name = `backstory_test_${randomBytes(6).toString('hex')}`;
    await queryAt(this.url(), `create database ${name}`);
    return this.url(name);
  }

  /** Ends this server and those copied from it. */
  async remove(): Promise<void> {
    await this.folder.remove();
  }

  /** A linguistic default order, so that a query that needs byte order and does not say so is found out. */
  private async initialise(): Promise<void> {
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US'];
    const data = join(this.folder.path, this.place.name);
    const args = ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', ...locale];
    const initdb = this.folder.start(join(this.bin, 'initdb'), args);
    if ((await initdb.end()) !== 0) throw new Error(initdb.said());
  }

  private async answers(server: KeptProcess): Promise<void> {
    for (const deadline = Date.now() + 60_000; ; await new Promise((wait) => setTimeout(wait, 50))) {
      try {
        return void (await queryAt(this.url(), 'select 1'));
      } catch (error) {
        if (server.ended) throw new Error(server.said(), { cause: error });
        if (Date.now() < deadline) continue;
        await server.end('SIGQUIT');
        throw new Error(`it does not answer within 60 s: ${(error as Error).message}`, { cause: error });
      }
    }
  }
}

/** Runs SQL on a connection of its own, and gives the rows. */
export async function queryAt(
  url: string,
  sql: string,
  values?: unknown[],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 30_000 });
  client.on('error', () => undefined); // told to whoever waits for the answer
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

async function told<T>(starting: () => Promise<T>): Promise<T> {
  try {
    return await starting();
  } catch (error) {
    throw new Error(`No PostgreSQL server could be started: ${(error as Error).message}`, { cause: error });
  }
}

/** PostgreSQL and PgBouncer refuse to run as root. */
export async function unprivilegedUser(): Promise<User> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([idOf('-u', name), idOf('-g', name)]);
      return { uid, gid };
    } catch {
      // this system has no such user
    }
  }
  throw new Error('it cannot run as root, and there is neither a user "postgres" nor "nobody".');
}

async function idOf(flag: string, name: string): Promise<number> {
  const { stdout } = await promisify(execFile)('id', [flag, name]);
  return Number(stdout);
}
