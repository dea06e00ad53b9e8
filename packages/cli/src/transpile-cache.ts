import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

/**
 * What the sources of a configuration became when it was last loaded, in a file of the user's own, so that a compiler is loaded
 * only where something is another. It is good for the same compiler, the same settings and the same text of each source. Where it
 * cannot be read or written there is none.
 */
export class TranspileCache {
  private constructor(
    private readonly file: string,
    private readonly made: string,
    /** What the sources became. What is added is kept by `keep`. */
    readonly code: Transpiled = new Map(),
    /** What the settings were taken from. */
    readonly looked: Looked = new Map(),
  ) {
    this.found = code.size;
  }

  private readonly found: number;

  /** What was kept of a configuration. */
  static of(configuration: string): TranspileCache {
    const file = path.join(folder(), `${digestOf(configuration)}.json`);
    const made = versionsFor(configuration);
    const kept = read(file);
    const isGood = kept?.made === made && kept.looked.every(([at, was]) => lookAt(at) === was);
    return isGood
      ? new TranspileCache(file, made, new Map(kept.code), new Map(kept.looked))
      : new TranspileCache(file, made);
  }

  /** Keeps what was used this time, where something of it is new. */
  keep(used: Transpiled): void {
    if (this.code.size === this.found) return;
    const { made, looked } = this;
    write(this.file, { made, looked: [...looked], code: [...used] });
  }
}

/** What sources became. Another thread that is given it need not load a compiler for them. */
export type Transpiled = Map<string, string>;

/** Files and folders that were looked at, and what was there. */
export type Looked = Map<string, string>;

/** The digest of a file, or why it has none. */
export function lookAt(file: string): string {
  try {
    return digestOf(fs.readFileSync(file));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

export function digestOf(content: string | Buffer): string {
  return crypto.hash('sha256', content, 'hex');
}

/** Nobody else may write there: what is in it runs. */
function folder(): string {
  return path.join(os.tmpdir(), `backstory-${process.getuid?.() ?? 'cache'}`);
}

/** The file: a line with the digest of the rest, and this as JSON. */
interface Kept {
  /** With what the code was made. */
  readonly made: string;
  readonly looked: readonly (readonly [string, string])[];
  readonly code: readonly (readonly [string, string])[];
}

/** Another compiler means something else, and so does this one. */
function versionsFor(configuration: string): string {
  const versions = [
    ...[configuration, __filename].map((from) => versionOf('typescript', from)),
    versionOf('jiti', __filename),
    lookAt(path.join(__dirname, `transpile${path.extname(__filename)}`)),
  ];
  return versions.join(' ');
}

function versionOf(name: string, from: string): string {
  try {
    return (createRequire(from)(`${name}/package.json`) as { version: string }).version;
  } catch {
    return 'none';
  }
}

function read(file: string): Kept | undefined {
  try {
    if (!isOwn(path.dirname(file))) return undefined;
    const [, digest, text] = /^(\w+)\n(.*)$/s.exec(fs.readFileSync(file, 'utf8'))!;
    return digestOf(text!) === digest ? (JSON.parse(text!) as Kept) : undefined;
  } catch {
    return undefined;
  }
}

function write(file: string, kept: Kept): void {
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    if (!isOwn(path.dirname(file))) return;
    const text = JSON.stringify(kept);
    writeWhole(file, `${digestOf(text)}\n${text}`);
    dropOld(path.dirname(file));
  } catch {
    // It is transpiled again the next time.
  }
}

/** Whole or not at all, whoever else writes it. */
function writeWhole(file: string, text: string): void {
  const part = `${file}.${crypto.randomUUID()}`;
  try {
    fs.writeFileSync(part, text, { flag: 'wx', mode: 0o600 });
    fs.renameSync(part, file);
  } catch (error) {
    fs.rmSync(part, { force: true });
    throw error;
  }
}

function isOwn(folder: string): boolean {
  const { uid, mode } = fs.lstatSync(folder);
  // Windows has no such modes, and a folder for temporary files for each user.
  return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
}

/** What nobody has written for long, of configurations that may be gone, or of a process that was killed. */
function dropOld(from: string): void {
  for (const name of fs.readdirSync(from)) {
    const file = path.join(from, name);
    if (Date.now() - fs.statSync(file).mtimeMs > KEPT_MS) fs.rmSync(file, { force: true });
  }
}

const KEPT_MS = 30 * 86_400_000;
