import type { Wish } from '@backstory/core/administration';
import { numberOption } from '@backstory/core/store';
import type { ModelFacts } from '../definition/model-facts.js';
import { GenerationUnusable } from '../errors.js';
import { withGeneration, writeControl } from './control.js';
import { divergence } from './divergence.js';
import { haltAdvice, pausedBy } from './halted.js';
import { begin, beingFilled, withNew, withSwap } from './register.js';
import { requireSameForm } from './same-form.js';
import { checkpointOf, requireControl, type Stores } from './generations.js';

/** What is being filled, and whether that was begun just now. */
export interface Rebuilding {
  readonly number: number;
  readonly isNew: boolean;
}

/**
 * Begins a new generation, or gives the one that is being filled by this version already. One that was folded from another log is
 * not gone on with. While the projection is paused none is begun, which nobody would fill.
 *
 * @throws ProjectionNotFound, GenerationUnusable, InvalidOption; ProjectionChanged where what a version makes has changed under its number
 */
export async function rebuild(
  { events, state }: Stores,
  model: ModelFacts,
  eventsPerSecond?: number,
): Promise<Rebuilding> {
  const { name } = model;
  const pace =
    eventsPerSecond === undefined
      ? {}
      : { eventsPerSecond: numberOption('eventsPerSecond', eventsPerSecond, 1, Number.MAX_SAFE_INTEGER) };
  const found = await state.read(async (view) => {
    const known = beingFilled(await requireControl(view, name), model);
    return known && { number: known.number, checkpoint: await checkpointOf(view, name, known.number) };
  });
  const isOther = (await divergence(events, found?.checkpoint)) !== undefined;
  return state.transaction([], async (tx) => {
    const control = await requireControl(tx, name);
    requireSameForm(control, model);
    const known = beingFilled(control, model);
    if (known && !(isOther && known.number === found?.number)) {
      await writeControl(tx, name, withSwap(withGeneration(control, { ...known, ...pace }), model));
      return { number: known.number, isNew: false };
    }
    if (control.paused) throw new GenerationUnusable(name, undefined, notFilled(name, control.paused));
    const more = withNew(control, model, pace);
    await begin(tx, name, more);
    return { number: more.begun.number, isNew: true };
  });
}

function notFilled(name: string, paused: Wish): string {
  return (
    `it is paused, ${pausedBy(paused)}, and a rebuild would not be filled: ${haltAdvice(name, 'paused')} first. ` +
    'No generation was begun.'
  );
}
