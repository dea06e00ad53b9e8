import type { Json } from '@backstory/events';
import { Pace, type CursorWait } from './pace.js';
import type { RewindableFold, Stretch } from './rewindable-fold.js';
import { readStatePath } from './state-path.js';
import type { StateQuestion } from './state-question.js';
import { readable } from './stream-fold.js';
import { partAt } from './value-at.js';

/** The versions of a stretch that changed a value at one of the paths. States that cannot be shown are passed over. */
export async function* changesIn(
  fold: RewindableFold,
  paths: readonly string[],
  stretch: Stretch,
): AsyncGenerator<number> {
  const steps = paths.map(readStatePath);
  let known: readonly (Json | undefined)[] | undefined;
  for await (const { version, state } of fold.states(stretch)) {
    if (state === undefined) continue;
    const now = steps.map((it) => partAt({ value: state, type: fold.type }, it)?.value);
    // States share what did not change.
    if (known?.some((value, i) => value !== now[i])) yield version;
    known = now;
  }
}

interface Asking extends Omit<Stretch, 'pace'> {
  readonly stream: string;
  readonly wait: CursorWait;
}

/** The versions of a stretch at which a question begins to hold. */
export async function* beginnings(
  fold: RewindableFold,
  question: StateQuestion,
  { stream, from, to, wait }: Asking,
): AsyncGenerator<number> {
  let held = true;
  for await (const { version, ...at } of fold.values({ from, to, pace: new Pace(wait, from) })) {
    const place = { stream, version, type: at.event?.type };
    const holds = readable(place, () => question.holds(at));
    if (holds && !held) yield version;
    held = holds;
  }
}

export async function firstOf(versions: AsyncIterable<number>): Promise<number | undefined> {
  for await (const version of versions) return version;
  return undefined;
}

export async function lastOf(versions: AsyncIterable<number>): Promise<number | undefined> {
  let last: number | undefined;
  for await (const version of versions) last = version;
  return last;
}
