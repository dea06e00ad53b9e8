import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Git could not do what it was asked for. */
export class GitFailed extends Error {
  constructor(
    readonly command: string,
    readonly said: string,
  ) {
    super(`git ${command} failed: ${said || 'it said nothing'}`);
  }
}

/**
 * Git in one repository: its plumbing commands, whose output does not depend on anybody's settings.
 * Replacements (`git replace`) are left out: they are not part of the history.
 */
export class Git {
  constructor(private readonly folder: string) {}

  /** @throws GitFailed */
  async text(...args: readonly string[]): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.stream(args)) chunks.push(chunk);
    return Buffer.concat(chunks).toString().trim();
  }

  /** The same, `undefined` where git fails. */
  async find(...args: readonly string[]): Promise<string | undefined> {
    try {
      return await this.text(...args);
    } catch (error) {
      if (error instanceof GitFailed) return undefined;
      throw error;
    }
  }

  async *lines(...args: readonly string[]): AsyncGenerator<string, void> {
    for await (const line of split(this.stream(args), NEWLINE)) yield line.toString();
  }

  /**
   * What a command prints, ended by NUL, to which lines are given while it prints. Neither side gets ahead of the other by
   * more than a pipe holds.
   */
  async *answers(args: readonly string[], questions: AsyncIterable<string>): AsyncGenerator<Buffer, void> {
    const child = this.start(args);
    const asking = pipeline(questions, child.stdin!);
    // What git says of it comes first.
    asking.catch(() => undefined);
    yield* split(output(child, args), NUL);
    await asking;
  }

  private stream(args: readonly string[]): AsyncGenerator<Buffer, void> {
    const child = this.start(args);
    child.stdin!.end();
    return output(child, args);
  }

  private start(args: readonly string[]): ChildProcess {
    const argv = ['--no-replace-objects', '-C', this.folder, ...args];
    return spawn('git', argv, { env: environment(), stdio: 'pipe' });
  }
}

const NEWLINE = 0x0a;
const NUL = 0;

/** Without what points at another repository: git sets it for the hooks that it runs. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !POINTERS.includes(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' };
}

/** What `git rev-parse --local-env-vars` prints, but the settings given to git itself, as by `git -c`. */
const POINTERS = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
];

async function* output(child: ChildProcess, args: readonly string[]): AsyncGenerator<Buffer, void> {
  const ended = once(child, 'close').catch((error: Error) => {
    throw new GitFailed(args[0] ?? '', `${error.message}: is git installed?`);
  }) as Promise<[number | null]>;
  // Its failure is told when its output has ended.
  ended.catch(() => undefined);
  const said: Buffer[] = [];
  child.stderr!.on('data', (chunk: Buffer) => said.push(chunk));
  try {
    yield* child.stdout! as Readable & AsyncIterable<Buffer>;
    const [status] = await ended;
    if (status !== 0) throw new GitFailed(args[0] ?? '', Buffer.concat(said).toString().trim());
  } finally {
    // Whoever asked may have had enough.
    child.kill();
  }
}

async function* split(chunks: AsyncIterable<Buffer>, end: number): AsyncGenerator<Buffer, void> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    let from = 0;
    for (let at; (at = chunk.indexOf(end, from)) !== -1; from = at + 1) {
      yield Buffer.concat([...rest, chunk.subarray(from, at)]);
      rest = [];
    }
    rest.push(chunk.subarray(from));
  }
  const last = Buffer.concat(rest);
  if (last.length > 0) yield last;
}
