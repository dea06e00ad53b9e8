import { ReplayCursor, VersionOutOfRange } from '@backstory/replay';
import { Expression } from '@backstory/router/filter';
import { withSource } from '../open.js';
import type { VerbCall } from '../verb.js';
import { charsetOf, requireScreen } from './screen.js';
import { Session } from './session.js';

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
  const terminal = requireScreen(call, { option: '--interactive', plain: PLAIN });
  await withSource(call, async (source) => {
    const cursor = await ReplayCursor.open(source, stream);
    if (where !== undefined) Expression.of(where);
    if (from > cursor.head) throw new VersionOutOfRange(stream, from, cursor.head);
    const parts = { cursor, log: source.events, terminal, charset: charsetOf(io), signal: io.signal };
    await Session.run(parts, { from, ...(where === undefined ? {} : { where }) });
  });
}

const PLAIN = 'leave --interactive out, and replay prints every step.';
