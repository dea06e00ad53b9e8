import type { StateView } from '@backstory/core/state';
import { isFed, type Control, type Generation } from './control.js';
import type { Wish } from '@backstory/core/administration';
import { placesOf } from './places.js';
import { readTrouble } from './progress.js';

/** Who has paused it, and why, to be said after "paused". */
export function pausedBy({ actor, reason }: Wish): string {
  return `by ${actor}${reason ? `: ${reason}` : ''}`;
}

/** What to do where waiting will not bring a projection on. */
export function haltAdvice(name: string, state: 'paused' | 'faulted'): string {
  const resume = `run \`backstory projections resume ${name}\``;
  return state === 'paused' ? resume : `put that right, and ${resume}`;
}

/** Why a generation goes no further until somebody does something, and what; `undefined` where that is not so. */
export async function haltOf(
  view: StateView,
  name: string,
  { control: { paused }, generation }: { readonly control: Control; readonly generation: Generation },
): Promise<string | undefined> {
  if (!isFed(generation)) return undefined;
  if (paused) return `the projection is paused, ${pausedBy(paused)}: ${haltAdvice(name, 'paused')}.`;
  const trouble = await readTrouble(view, placesOf(name), generation.number);
  if (trouble?.state !== 'faulted') return undefined;
  return `it is faulted: ${trouble.reason} To go on, ${haltAdvice(name, 'faulted')}.`;
}
