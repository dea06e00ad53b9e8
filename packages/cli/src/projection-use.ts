import { checkUse, flag, type ActionUse } from './action-use.js';
import { UsageError } from './errors.js';
import type { VerbCall } from './verb.js';

const ASKING = ['rebuild', 'swap', 'rollback', 'drop', 'pause', 'resume'];

const USE: ActionUse = {
  words: [
    ['name', ['status', 'show', 'verify', ...ASKING]],
    ['key', ['show']],
  ],
  options: {
    generation: ['verify', 'swap', 'rollback', 'drop'],
    rate: ['rebuild'],
    limit: ['verify', 'show'],
    at: ['show'],
    explain: ['show'],
    maxEvents: ['show'],
    actor: ASKING,
    reason: ASKING,
  },
};

/** What was given of a projection is of the action. @throws UsageError */
export function checkProjectionUse(call: VerbCall): void {
  checkUse(call, USE);
  const [action, name] = call.arguments as [string, string | undefined];
  const { options } = call as { readonly options: Readonly<Record<string, unknown>> };
  if (action !== 'list' && name === undefined)
    throw new UsageError('missing-name', `Which projection? backstory projections ${action} <name>.`);
  for (const option of ['explain', 'maxEvents'])
    if (options[option] !== undefined && options['at'] === undefined)
      throw new UsageError(
        'conflicting-options',
        `${flag(option)} is for a document as it was: give --at <position or time> as well.`,
      );
}
