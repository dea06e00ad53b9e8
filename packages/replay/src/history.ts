import { readRecorded, type RecordedEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import { changeOf, type Change } from './changes.js';
import { StateComparison } from './differences.js';
import { StreamFold, type ReplaySource } from './stream-fold.js';

/** One event of a stream and what it did to the state. */
export interface HistoryStep {
  /** As it was recorded. */
  readonly event: RecordedEvent;
  /** States share what an event did not change. */
  readonly before: Json;
  readonly after: Json;
  readonly changes: readonly Change[];
}

/** The part of a history that is asked for. */
export interface HistoryRange {
  /** The first version to give. Default 1. */
  readonly from?: number;
  /** The last version to give. Default: the version the stream is at. */
  readonly to?: number;
  readonly signal?: AbortSignal;
}

/**
 * The history of a stream step by step, oldest first. Earlier events are folded and not given.
 *
 * @throws StreamNotFound, VersionOutOfRange, NoAggregate, UnknownEventType, FoldFailed, UnreadableState
 */
export async function* history(
  source: ReplaySource,
  stream: string,
  { from = 1, to, signal }: HistoryRange = {},
): AsyncGenerator<HistoryStep, void> {
  const fold = await StreamFold.of(source, stream);
  const last = to ?? fold.head;
  fold.checkVersion(from);
  fold.checkVersion(last);
  for await (const events of fold.pages({ upTo: Math.max(0, from - 1) }, signal)) fold.fold(events);
  const comparison = new StateComparison(fold.model.type);
  let before = fold.state();
  for await (const events of fold.pages({ upTo: last }, signal)) {
    for (const event of events) {
      fold.fold([event]);
      const after = fold.state();
      yield {
        event: readRecorded(event),
        before,
        after,
        changes: comparison.between(before, after).map(changeOf),
      };
      before = after;
    }
  }
}
