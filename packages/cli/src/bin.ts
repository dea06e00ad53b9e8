import { run } from './run.js';

/** The `backstory` command as a process: its streams, Ctrl-C, and the exit code. */
async function main(): Promise<void> {
  const { stdout, stderr, env } = process;
  // The reader has seen enough, e.g. `backstory events | head`.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 3));
  stderr.on('error', () => undefined);
  const interrupt = new AbortController();
  // Once: a second Ctrl-C ends the process at once.
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  const exitCode = await run(process.argv.slice(2), {
    stdout,
    stderr,
    cwd: process.cwd(),
    env,
    signal: interrupt.signal,
    enterFolder: (folder) => process.chdir(folder),
  });
  // What a configuration left running must not keep the command alive.
  stdout.write('', () => stderr.write('', () => process.exit(exitCode)));
}

void main();
