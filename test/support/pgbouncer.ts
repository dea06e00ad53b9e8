import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { eventually } from './eventually.js';
import { KeptFolder, type KeptProcess } from './kept-folder.js';
import { queryAt, unprivilegedUser } from './postgres-cluster.js';

/**
 * A real PgBouncer in front of a PostgreSQL server: it shares a few connections among transactions (`pool_mode = transaction`).
 * It is gone after `remove()` and however this process ends.
 */
export class PgBouncer {
  private process: KeptProcess | undefined;

  private constructor(
    private readonly folder: KeptFolder,
    /** Of the server's database, past the proxy. */
    private readonly target: URL,
  ) {}

  /** @param connections to the server, at the most. @throws Error saying what to install */
  static async start(target: string, connections: number): Promise<PgBouncer> {
    const folder = await KeptFolder.create(await unprivilegedUser());
    const proxy = new PgBouncer(folder, new URL(target));
    await writeFile(proxy.file, proxy.settings(connections));
    await folder.handOver(proxy.file);
    await proxy.restart();
    return proxy;
  }

  /** Of the same database, through the proxy. */
  get url(): string {
    const through = new URL(this.target);
    through.hostname = encodeURIComponent(this.folder.path);
    through.port = String(PORT);
    return through.href;
  }

  /** Begins, also after `kill`. */
  async restart(): Promise<void> {
    this.process = this.folder.start(binary(), [this.file]);
    await eventually(async () => {
      if (this.process!.ended) throw new Error(`PgBouncer could not be started: ${this.process!.said()}`);
      return queryAt(this.url, 'select 1').catch(() => undefined);
    });
  }

  /** As a crash does: no connection is told. */
  async kill(): Promise<void> {
    await this.process?.end('SIGKILL');
  }

  async remove(): Promise<void> {
    await this.folder.remove();
  }

  private get file(): string {
    return path.join(this.folder.path, 'pgbouncer.ini');
  }

  private settings(connections: number): string {
    const { hostname, port, username, password } = this.target;
    const login = [`user=${username}`, ...(password ? [`password=${decodeURIComponent(password)}`] : [])];
    return `
[databases]
* = host=${decodeURIComponent(hostname)} port=${port || 5432} ${login.join(' ')}
[pgbouncer]
listen_port = ${PORT}
unix_socket_dir = ${this.folder.path}
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 500
`;
  }
}

const PORT = 6432;

function binary(): string {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'];
  const found = folders.map((folder) => path.join(folder, 'pgbouncer')).find(existsSync);
  if (found === undefined)
    throw new Error('These tests need PgBouncer: install it (Debian: apt-get install pgbouncer).');
  return found;
}
