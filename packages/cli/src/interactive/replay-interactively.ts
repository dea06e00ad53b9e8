import { ReplayCursor, VersionOutOfRange } from '@backstory/replay';
import { Expression } from '@backstory/router/filter';
import { UsageError } from '../errors.js';
import type { CommandIo } from '../io.js';
import { withSource } from '../open.js';
import { wantsColor } from '../paper.js';
import type { VerbCall } from '../verb.js';
import { ASCII, UNICODE, type Charset } from './line.js';
import { Session } from './session.js';
import { Terminal } from './terminal.js';

/**
 * Shows a stream on a screen of its own, one version at a time, until the person leaves.
 *
 * @throws UsageError where there is no such terminal
 */
export async function replayInteractively(
  call: VerbCall,
  stream: string,
  { from = 1, where }: { readonly from?: number; readonly where?: string } = {},
): Promise<void> {
  const { io } = call;
  const terminal = terminalOf(call);
  await withSource(call, async (source) => {
    const cursor = await ReplayCursor.open(source, stream);
    if (where !== undefined) Expression.of(where);
    if (from > cursor.head) throw new VersionOutOfRange(stream, from, cursor.head);
    const parts = { cursor, log: source.events, terminal, charset: charsetOf(io), signal: io.signal };
    await Session.run(parts, { from, ...(where === undefined ? {} : { where }) });
  });
}

function terminalOf({ io, report }: VerbCall): Terminal {
  const { stdin, stdout, env } = io;
  const plain = 'leave --interactive out, and replay prints every step.';
  if (report.asJson)
    throw new UsageError('conflicting-options', 'Give either --interactive or --json, not both.');
  const input = stdin?.();
  if (!input?.isTTY || !stdout.isTTY)
    throw new UsageError(
      'no-terminal',
      `--interactive needs a terminal to read from and to write to: ${plain}`,
    );
  const { TERM = process.platform === 'win32' ? 'windows' : '' } = env;
  if (TERM === 'dumb' || TERM === '') {
    const is = TERM === '' ? 'TERM is not set' : 'TERM=dumb';
    throw new UsageError(
      'no-terminal',
      `--interactive needs a terminal that can move its cursor (${is}): ${plain}`,
    );
  }
  return new Terminal(input, stdout, wantsColor(stdout, env));
}

/** What the locale says: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html, 8.2 */
function charsetOf({ env }: Pick<CommandIo, 'env'>): Charset {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return process.platform === 'win32' || /utf-?8/i.test(locale) ? UNICODE : ASCII;
}
