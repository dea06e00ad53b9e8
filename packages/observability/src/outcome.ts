import { isInfrastructure } from '@backstory/core/state';
import { CONFLICT, errorType } from '@backstory/core/observe';

/** How a command ended. `rejected`: it was decided against it; `failed`: something could not be reached. */
export type CommandOutcome = 'accepted' | 'repeated' | 'rejected' | 'conflict' | 'failed';

export function commandOutcome({
  hasFailed,
  error,
  end,
}: {
  readonly hasFailed: boolean;
  readonly error: unknown;
  readonly end: { readonly repeated: boolean } | undefined;
}): CommandOutcome {
  if (!hasFailed) return end?.repeated ? 'repeated' : 'accepted';
  if (errorType(error) === CONFLICT) return 'conflict';
  return isInfrastructure(error) ? 'failed' : 'rejected';
}
