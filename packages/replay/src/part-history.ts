import type { StoredEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import { LivePart } from './live-part.js';
import type { PartChange } from './live-state.js';
import { Pace, type CursorWait } from './pace.js';
import type { StateStep } from './state-path.js';
import type { StreamFold } from './stream-fold.js';

/** What an event made of a part of a state. A side on which the part does not exist is `undefined`. */
export interface PartStep {
  /** `null`: it is what the stream begins with. */
  readonly event: StoredEvent | null;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
  /** What became another in an object that stays the same one; none where nothing changes in place. */
  readonly changes: readonly PartChange[];
}

/** Which part is looked at, and up to which version. */
export interface PartRange {
  readonly steps: readonly StateStep[];
  readonly upTo: number;
  /** What is given of a step is good until the next one: quicker, where only what changed is looked at. */
  readonly isInPlace?: boolean;
}

/** Folds a stream from its beginning and gives each event that changed a part of the state. */
export async function* partHistory(
  fold: StreamFold,
  { steps, upTo, isInPlace = false }: PartRange,
  wait: CursorWait = {},
): AsyncGenerator<PartStep, void> {
  let changes: PartChange[] = [];
  const part = new LivePart(fold.model, steps, isInPlace ? (it) => void changes.push(it) : undefined);
  const read = () => fold.readable(() => part.read(fold.value));
  let before = read();
  if (before !== undefined) yield { event: null, before: undefined, after: before, changes };
  const pace = new Pace(wait, 0);
  for await (const events of fold.pages({ upTo }, wait.signal)) {
    for (const event of events) {
      fold.fold([event]);
      const after = read();
      if (after !== before || changes.length > 0) yield { event, before, after, changes };
      if (changes.length > 0) changes = [];
      before = after;
      if (event.version % BREATHER === 0) await pace.at(event.version, upTo);
    }
  }
}

/** To look at the clock with every event would cost more than the event. */
const BREATHER = 64;
