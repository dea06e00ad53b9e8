import os from 'node:os';
import { checkAskedBy, type AskedBy } from '@backstory/core/administration';
import { InvalidOption } from '@backstory/core/store';
import { UsageError } from './errors.js';
import type { VerbOption } from './verb.js';

/** Who asks for something, and why: options of the verbs that change what a running application does. */
export const ASKED_BY: readonly VerbOption[] = [
  { flags: '--actor <name>', description: 'who asks for it (default: you, by the name of your account)' },
  { flags: '--reason <text>', description: 'why; it is recorded with the request' },
];

/** The values of these options, as commander gives them. */
export interface AskedByValues {
  readonly actor?: string;
  readonly reason?: string;
}

/** @throws UsageError for what cannot be recorded with the request */
export function askedBy({ actor, reason }: AskedByValues): Required<Pick<AskedBy, 'actor'>> & AskedBy {
  const by = { actor: actor ?? os.userInfo().username, ...(reason !== undefined && { reason }) };
  try {
    checkAskedBy(by);
    return by;
  } catch (error) {
    if (error instanceof InvalidOption) throw new UsageError('invalid-option', `--${error.message}`);
    throw error;
  }
}
