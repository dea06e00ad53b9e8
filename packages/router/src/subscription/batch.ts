import type { RecordedEvent } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import type { Delivery } from './delivery.js';

/** What a handler of several events is given beside them. */
export interface BatchDelivery<E extends object = object> extends Pick<
  Delivery,
  'subscription' | 'handler' | 'attempt' | 'signal'
> {
  /**
   * Writes to the state store once for each event, however often and together with which others it is delivered: `work` is given
   * those for which it was not done, in one transaction with the marks that say so. `undefined` when there are none.
   */
  once<T>(
    work: (tx: StateTransaction, fresh: readonly RecordedEvent<E>[]) => Promise<T>,
  ): Promise<T | undefined>;
  /** Runs `work` as part of the flow of one of the events, so that what it records is recorded once. */
  handling<T>(recorded: RecordedEvent<object>, work: () => T): T;
}

/** Takes events of one partition, those of one key in the order of the log. */
export type BatchHandling<E extends object> = (
  batch: readonly RecordedEvent<E>[],
  delivery: BatchDelivery<E>,
) => unknown;

/** A handler of several events, with everything decided; the same object for all its events. */
export interface Batch {
  readonly size: number;
  readonly bytes: number;
  readonly waitMs: number;
  readonly run: BatchHandling<object>;
}
