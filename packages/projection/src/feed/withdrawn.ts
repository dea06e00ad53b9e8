import type { StateView } from '@backstory/core/state';
import { generationIn, isFed, readControl, type Control, type Generation } from '../generation/control.js';

/** The generation is not to be fed any more: it is dropped, retired or lost, or its projection paused. */
export class Withdrawn extends Error {}

/** What is wanted of a projection, of which a generation is to be fed. @throws Withdrawn where it is not any more */
export async function requireWanted(
  view: StateView,
  name: string,
  { number, createdAt }: Generation,
): Promise<Control> {
  const control = await readControl(view, name);
  const now = control && generationIn(control, number);
  if (!control || now?.createdAt !== createdAt || !isFed(now)) throw new Withdrawn();
  return control;
}
