import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { CommandIo } from '../io.js';
import type { FindNames, FoundNames } from './completer.js';

/** Looks names up in a process of its own, within a time limit. What goes wrong there gives no names and no message. */
export function namesFor({ cwd, env }: Pick<CommandIo, 'cwd' | 'env'>): FindNames {
  return async (what, prefix, options) => {
    let found: FoundNames = { kind: 'words', names: [] };
    const argv = [what, prefix, JSON.stringify(options)];
    const timeout = Number(env['BACKSTORY_COMPLETION_MS']) || LIMIT_MS;
    const stdio = ['ignore' as const, 'ignore' as const, 'ignore' as const, 'ipc' as const];
    const child = fork(PROCESS, argv, { cwd, env, stdio, timeout, killSignal: 'SIGKILL' });
    child.on('message', (message) => (found = message as FoundNames));
    await once(child, 'close').catch(() => undefined);
    return found;
  };
}

const LIMIT_MS = 2_000;

/** What was built, also for tests, which run sources. */
const PROCESS = path.resolve(__dirname, '..', '..', 'dist', 'completion', 'names-process.js');
