import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';

/**
 * Runs a TypeScript file in a Node process of its own, with piped stdio and an IPC channel:
 * `spawnWorker(path.join(__dirname, 'writer.worker.ts'), [file])`. The process imports the built packages
 * (`@backstory/core` is `packages/core/dist`), so a build must have run; `npm test` does that.
 */
export function spawnWorker(
  file: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const register = path.join(__dirname, 'register-typescript.js');
  return fork(file, args, {
    execArgv: ['--enable-source-maps', '--disable-warning=ExperimentalWarning', '-r', register],
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    env,
  });
}
