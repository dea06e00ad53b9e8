import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { CommandIo } from '../io.js';
import { InitFailed } from './init-failed.js';

/**
 * Runs npm in a folder and waits for it. `next` says what to do when it fails.
 *
 * @throws InitFailed with the end of what npm said
 */
export async function npm(
  argv: readonly string[],
  { folder, next, io }: { readonly folder: string; readonly next: string; readonly io: CommandIo },
): Promise<void> {
  const shell = process.platform === 'win32';
  // npx names the project that it was started in, npm_config_local_prefix. npm does not read it: the folder decides.
  const child = spawn('npm', argv, { cwd: folder, env: io.env, shell, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-MOST)));
  const stop = () => child.kill();
  io.signal?.addEventListener('abort', stop);
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    if (exitCode === 0) return;
    throw failed(said.trim().split('\n').slice(-LINES).join('\n') || `It ended with ${String(exitCode)}.`);
  } catch (cause) {
    if (cause instanceof InitFailed) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw failed(code === 'ENOENT' ? 'It is not installed, or not in the PATH.' : message, cause);
  } finally {
    io.signal?.removeEventListener('abort', stop);
  }

  function failed(why: string, cause?: unknown): InitFailed {
    return new InitFailed('npm-failed', folder, `npm ${argv[0]} failed. ${next}\n${why}`, { cause });
  }
}

const MOST = 10_000;
const LINES = 12;
