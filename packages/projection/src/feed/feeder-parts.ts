import type { EventStore, StateStore } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import type { HeldLease } from '@backstory/core/state';
import type { Model } from '../definition/projection-source.js';
import type { Generation } from '../generation/control.js';
import type { Places } from '../generation/places.js';
import type { Progress } from '../generation/progress.js';
import type { OutOfTime, Stuck } from './out-of-time.js';

/** What a feeder works with. */
export interface FeederParts {
  readonly model: Model;
  readonly generation: Generation;
  readonly places: Places;
  readonly lease: HeldLease;
  readonly events: EventStore;
  readonly state: StateStore;
  readonly owner: string;
  readonly observer: Observer;
  /** Why the one before, of this process, has come to nothing. */
  readonly trouble?: OutOfTime | undefined;
  /** Called with how far it is: as it begins, and after something was committed. */
  readonly progressed: (progress: Progress) => void;
  /** Called when it cannot reach something (`reason`), and when it can again (`undefined`). */
  readonly hindered: (reason: string | undefined) => void;
}

/** How feeding ended: it was told to, its lease or what it fed is gone, or it cannot go on by itself. */
export type FeedingEnd =
  | { readonly end: 'stopped' }
  /** `stuck`: its lease was lost while it folded, and nothing came of it. */
  | { readonly end: 'lost'; readonly stuck?: Stuck }
  | { readonly end: 'faulted'; readonly error: unknown };
