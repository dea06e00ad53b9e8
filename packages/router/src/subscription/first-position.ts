import type { EventStore, StateStore } from '@backstory/core';
import { InvalidOption } from '@backstory/core/store';
import { readControl } from './control.js';
import type { ResolvedOptions } from './subscription-options.js';

/** After which position a subscription begins that has not begun before. @throws InvalidOption where the log does not reach so far */
export async function firstPosition(
  name: string,
  from: ResolvedOptions['from'],
  { events, state }: { readonly events: EventStore; readonly state: StateStore },
): Promise<number> {
  if (from === 'beginning') return 0;
  const { head } = await events.identity();
  if (from === 'now') return head;
  // Of one that has begun it is not asked any more.
  if (from > head && !(await state.read((view) => readControl(view, name))))
    throw new InvalidOption(
      'from',
      `must be a position from 0 to ${head}, the head of the log, not ${from}.`,
    );
  return from;
}
