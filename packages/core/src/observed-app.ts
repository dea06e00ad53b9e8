import type { Analysing } from './backtest.js';
import type { EventStore } from './event-store.js';
import type { Observer } from './observer.js';
import type { OwnMetrics } from './own-metrics.js';

/**
 * What observes an application from its start to its close: `ObservabilityManager` and `Instrumentation` of `@backstory/observability`
 * do. Several applications of a process may share one.
 */
export interface Observability {
  readonly observer: Observer;
  readonly metrics: OwnMetrics;
  /** What raises alerts. */
  readonly analysis?: Analysing;
  /** Before the first application opens its stores: begins to serve and to send. Rejects where it cannot; then none starts. */
  start?(): Promise<void>;
  /** Looks at a running application. Gives what ends that, called before it closes. */
  watch(app: Watched): () => Promise<void>;
  /** After the last application has closed: sends what is left. Never rejects, and may be followed by another `start`. */
  shutdown?(): Promise<void>;
}

/** What is looked at of an application; a running app of `defineBackstory` is one. */
export interface Watched {
  readonly name: string;
  readonly events: Pick<EventStore, 'identity' | 'capabilities' | 'readAll'> & Partial<WatchedExtras>;
  readonly subscriptions: {
    list(): Promise<readonly WatchedSubscription[]>;
    parked(name: string, query: { readonly limit: number }): Promise<readonly WatchedKey[]>;
  };
  readonly projections: { list(): Promise<readonly WatchedProjection[]> };
}

/** What is looked at of a log, and recorded in it, where it can be. */
type WatchedExtras = Pick<EventStore, 'extent' | 'append'>;

/** How a subscription or projection is doing, by what is stored. */
export interface WatchedConsumer {
  readonly name: string;
  readonly state: string;
  /** Why it is paused or faulted. */
  readonly reason?: string;
  readonly position: number;
  readonly lag: { readonly events: number; readonly seconds: number };
}

/** A subscription, with what is set aside and what its processes hold. */
export interface WatchedSubscription extends WatchedConsumer {
  readonly savedAt?: string;
  readonly parked: { readonly retrying: number; readonly dead: number };
  readonly members: readonly {
    readonly buffered: number;
    readonly isFull: boolean;
    readonly capacity?: number;
  }[];
}

/** A projection, with when each of its generations was last kept, and how far it is. */
export interface WatchedProjection extends WatchedConsumer {
  readonly generation: number;
  readonly generations: readonly {
    readonly generation: number;
    readonly savedAt?: string;
    /** Part of the log that is folded, 0 to 1. */
    readonly progress?: number;
  }[];
}

/** A key that is set aside. */
export interface WatchedKey {
  readonly state: string;
  readonly handler: string;
  readonly parkedAt: string;
}
