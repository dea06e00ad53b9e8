import { UsageError } from '../errors.js';
import type { CommandIo } from '../io.js';
import { wantsColor } from '../paper.js';
import type { VerbCall } from '../verb.js';
import { ASCII, UNICODE, type Charset } from './line.js';
import { Terminal } from './terminal.js';

/** Whether there is a terminal that can be a screen. */
export function hasScreen(call: Pick<VerbCall, 'io' | 'report'>): boolean {
  return screenOf(call) instanceof Terminal;
}

/** The terminal as a screen. @throws UsageError where there is none; `option` asked for it, `plain` does without */
export function requireScreen(
  call: Pick<VerbCall, 'io' | 'report'>,
  { option, plain }: { readonly option: string; readonly plain: string },
): Terminal {
  const found = screenOf(call);
  if (found instanceof Terminal) return found;
  if (found === 'json')
    throw new UsageError('conflicting-options', `Give either ${option} or --json, not both.`);
  throw new UsageError('no-terminal', `${option} needs a terminal ${found}: ${plain}`);
}

/** What the locale says: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html, 8.2 */
export function charsetOf({ env }: Pick<CommandIo, 'env'>): Charset {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return process.platform === 'win32' || /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

/** It, or what it lacks. */
function screenOf({ io, report }: Pick<VerbCall, 'io' | 'report'>): Terminal | string {
  const { stdin, stdout, env } = io;
  if (report.asJson) return 'json';
  const input = stdin?.();
  if (!input?.isTTY || !stdout.isTTY) return 'to read from and to write to';
  const { TERM = process.platform === 'win32' ? 'windows' : '' } = env;
  if (TERM === 'dumb' || TERM === '')
    return `that can move its cursor (${TERM === '' ? 'TERM is not set' : 'TERM=dumb'})`;
  return new Terminal(input, stdout, wantsColor(stdout, env));
}
