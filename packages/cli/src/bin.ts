import os from 'node:os';
import { InvalidConfiguration } from './errors.js';
import type { OutputStream } from './io.js';
import { Pager } from './pager.js';
import { run, tell } from './run.js';

/** The `backstory` command as a process: its streams, Ctrl-C, what an application does in it, and the exit code. */
async function main(): Promise<void> {
  const { stderr, env } = process;
  const argv = process.argv.slice(2);
  const output = ownOutput(process.stdout);
  let over = false;
  const end = (exitCode: number): void => {
    over = true;
    process.exit(exitCode);
  };
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') end(0); // the reader has seen enough, e.g. `backstory events | head`
    stderr.write(`error: The output cannot be written: ${message}\n`, () => end(3));
  });
  stderr.on('error', () => undefined);
  const interrupt = new AbortController();
  // Once: a second Ctrl-C ends the process at once.
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  const left = () => end(interrupt.signal.aborted ? 130 : 0);
  const pager = Pager.for({ terminal: output.stream, env, left });
  const stdin = () => process.stdin;
  const io = {
    stdin,
    stdout: output.stream,
    stderr,
    cwd: process.cwd(),
    env,
    signal: interrupt.signal,
    pager,
  };
  process.once('exit', () => {
    if (over) return;
    const asJson = argv.includes('--json') && !output.begun();
    process.exitCode = 3;
    void tell(new InvalidConfiguration('failed', ENDED), { argv, io, asJson });
  });
  const exitCode = await run(argv, {
    ...io,
    enterFolder: (folder) => process.chdir(folder),
    yieldToOthers: () => os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL),
    failed: failureElsewhere(),
  });
  // What a configuration left running must not keep the command alive.
  output.stream.write('', () => stderr.write('', () => end(exitCode)));
}

const ENDED =
  'The application ended the process before the command was done, or waits while it is loaded for what never comes.';

/** The standard output for the command alone: what an application prints goes where it spoils no document. */
function ownOutput(stdout: OutputStream): { readonly stream: OutputStream; readonly begun: () => boolean } {
  let begun = false;
  const write = stdout.write.bind(stdout) as (...args: unknown[]) => boolean;
  const writeOwn = (...args: unknown[]): boolean => {
    begun = true;
    return write(...args);
  };
  // Whatever that is by then: while there is a screen, it is kept off it.
  stdout.write = ((...args: Parameters<typeof stdout.write>) =>
    process.stderr.write(...args)) as typeof stdout.write;
  const stream = new Proxy(stdout, {
    get: (target, name) => {
      if (name === 'write') return writeOwn;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { stream, begun: () => begun };
}

/** Rejects when something fails that nobody waits for, such as a connection that a configuration began. */
function failureElsewhere(): Promise<never> {
  return new Promise((_, reject) => {
    process.on('uncaughtException', (cause: unknown) => {
      const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      const message = `Something that the application began has failed: ${what}`;
      reject(new InvalidConfiguration('failed', message, { cause }));
    });
  });
}

void main();
