import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Definition } from './definition.js';
import { InvalidConfiguration } from './errors.js';
import { failureOf } from './failure.js';
import type { CommandIo } from './io.js';
import type { TranspileCache, Transpiled } from './transpile-cache.js';

/**
 * Loads the application from a configuration file: the one given, or the nearest upwards. TypeScript needs no build step.
 *
 * @throws InvalidConfiguration
 */
export async function loadConfig(
  { cwd, enterFolder }: Pick<CommandIo, 'cwd' | 'enterFolder'>,
  given?: string,
  transpiled?: Transpiled,
): Promise<Definition> {
  const file = configFile(cwd, given);
  refuseOtherInstallation(file);
  enterFolder?.(path.dirname(file));
  return definitionIn(file, await load(file, { transpiled }));
}

function definitionIn(file: string, loaded: unknown): Definition {
  const definition = (loaded as { default?: unknown } | undefined)?.default;
  const name = path.basename(file);
  if (definition === undefined) {
    throw new InvalidConfiguration(
      'no-default-export',
      `${file} has no default export: write "export default defineBackstory({ … })".`,
      { file },
    );
  }
  if (!isDefinition(definition)) {
    throw new InvalidConfiguration(
      'not-a-definition',
      `The default export of ${file} is not an application: let ${name} export what defineBackstory({ … }) gives.`,
      { file },
    );
  }
  return definition;
}

/** The configuration file: the one given, or the nearest upwards. @throws InvalidConfiguration */
export function configFile(cwd: string, given?: string): string {
  const file = given === undefined ? findConfig(cwd) : path.resolve(cwd, given);
  requireReadable(file);
  return file;
}

/**
 * Loads another build of an application: the configuration that is given, or the one in the folder that is given. It shares this
 * command's copy of Backstory, whatever it has installed, so that both are folded by one framework.
 *
 * @throws InvalidConfiguration
 */
export async function loadOtherBuild(given: string, option: string): Promise<Definition> {
  const isFolder = fs.existsSync(given) && fs.statSync(given).isDirectory();
  const name = isFolder ? NAMES.find((it) => fs.existsSync(path.join(given, it))) : undefined;
  if (isFolder && !name)
    throw new InvalidConfiguration(
      'missing',
      `There is no backstory.config.ts in ${given}: give the folder of a build, or its configuration.`,
    );
  const file = name === undefined ? given : path.join(given, name);
  requireReadable(file, option);
  return definitionIn(file, await load(file, { isOurs: true }));
}

const NAMES = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((it) => `backstory.config.${it}`);

function findConfig(cwd: string): string {
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    const name = NAMES.find((it) => fs.existsSync(path.join(folder, it)));
    if (name) return path.join(folder, name);
    if (folder !== path.dirname(folder)) continue;
    throw new InvalidConfiguration(
      'missing',
      `There is no backstory.config.ts in ${cwd} or above it: give one with --config <file>. ` +
        'To look at events alone, without the application, --store sqlite:<file> is enough.',
    );
  }
}

function requireReadable(file: string, option = '--config'): void {
  try {
    fs.accessSync(file, fs.constants.R_OK);
    if (fs.statSync(file).isFile()) return;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing) {
      throw new InvalidConfiguration('missing', `There is no file ${file}: check ${option}.`, {
        file,
        cause,
      });
    }
    throw new InvalidConfiguration('unreadable', `${file} cannot be read: check its permissions.`, {
      file,
      cause,
    });
  }
  throw new InvalidConfiguration('unreadable', `${file} is not a file: give the file itself.`, { file });
}

/** An application and the command must share one copy of Backstory, or neither knows the other's classes. */
function refuseOtherInstallation(file: string): void {
  const theirs = resolved(file, 'backstory');
  if (theirs === undefined || theirs === resolved(__filename, 'backstory')) return;
  throw new InvalidConfiguration(
    'other-installation',
    `${file} uses another installation of Backstory than this command: run the project's own with "npx backstory".`,
    { file },
  );
}

function resolved(from: string, name: string): string | undefined {
  try {
    return fs.realpathSync(createRequire(from).resolve(name));
  } catch {
    return undefined;
  }
}

async function load(
  file: string,
  { isOurs = false, transpiled = new Map() }: { isOurs?: boolean; transpiled?: Transpiled | undefined },
): Promise<unknown> {
  // For the metadata of decorators, where the compiler leaves it.
  await import('reflect-metadata');
  const { createJiti } = await import('jiti');
  const { remembering, transpiler } = await import('./transpile.js');
  const { TranspileCache: Cache } = await import('./transpile-cache.js');
  // Its own cache knows nothing of the settings of the project.
  const options = { fsCache: false, interopDefault: false, alias: aliasesFor(file, isOurs) };
  let cache: TranspileCache | undefined;
  const transform = remembering(transpiled, () => {
    const { code, looked } = (cache = Cache.of(file));
    return remembering(code, () => transpiler(file, createJiti(file, options), { looked }));
  });
  const jiti = createJiti(file, { ...options, transform });
  try {
    const loaded: unknown = await jiti.import(file);
    // A turn of the event loop: what failed without anybody waiting is known before the command begins.
    await new Promise((turn) => setImmediate(turn));
    return loaded;
  } catch (cause) {
    throw loadingFailed(file, cause);
  } finally {
    cache?.keep(transpiled);
  }
}

/** What an application may import of Backstory. */
const OURS = [
  'backstory',
  ...['aggregate', 'core', 'events', 'process', 'projection', 'replay', 'router', 'sqlite'].map(
    (name) => `@backstory/${name}`,
  ),
];

/** Where the project has no Backstory of its own, its configuration gets ours; another build always does. */
function aliasesFor(file: string, isOurs: boolean): Record<string, string> {
  const missing = OURS.filter((name) => isOurs || resolved(file, name) === undefined);
  return Object.fromEntries(
    missing.flatMap(entriesOf).map((name) => [name, resolved(__filename, name) ?? name]),
  );
}

/** The names that a package exports: `@backstory/core`, `@backstory/core/store`. */
function entriesOf(name: string): readonly string[] {
  const { exports } = createRequire(__filename)(`${name}/package.json`) as {
    exports: Record<string, unknown>;
  };
  return Object.keys(exports).map((entry) => path.posix.join(name, entry));
}

function loadingFailed(file: string, cause: unknown): InvalidConfiguration {
  if (cause instanceof InvalidConfiguration) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const syntax = /^ParseError: (.*?)\s*\n\s*(.*):(\d+):(\d+)/s.exec(text);
  if (syntax) {
    const [, problem = '', at = file, line, column] = syntax;
    const message = `${at}:${line}:${column}: ${problem.trim()}. Correct the syntax.`;
    return new InvalidConfiguration('syntax', message, {
      file: at,
      line: Number(line),
      column: Number(column),
      cause,
    });
  }
  const { code, message } = failureOf(cause);
  if (code !== 'BACKSTORY_DEFECT')
    return new InvalidConfiguration('failed', `${file}: ${message}`, { file, cause });
  const [first = ''] = text.split('\n');
  const name = cause instanceof Error ? `${cause.name}: ` : '';
  return new InvalidConfiguration('failed', `${file} could not be loaded: ${name}${first}`, { file, cause });
}

function isDefinition(value: unknown): value is Definition {
  const { name, store, aggregates } = (value ?? {}) as Partial<Definition>;
  return typeof name === 'string' && typeof store?.open === 'function' && Array.isArray(aggregates);
}
