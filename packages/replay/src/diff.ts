import type { Json } from '@backstory/events';
import { changesBetween, type Change } from './changes.js';
import { StreamFold, type ReplaySource } from './stream-fold.js';

/** What is different between two versions of a stream. */
export interface Diff {
  readonly from: number;
  readonly to: number;
  readonly changes: readonly Change[];
}

/**
 * Compares the states of a stream at two versions, in one fold. 0 is the initial state. `from` may be the later one.
 *
 * @throws StreamNotFound, VersionOutOfRange, NoAggregate, UnknownEventType, FoldFailed, UnreadableState
 */
export async function diff(
  source: ReplaySource,
  stream: string,
  { from, to, signal }: { readonly from: number; readonly to: number; readonly signal?: AbortSignal },
): Promise<Diff> {
  const fold = await StreamFold.of(source, stream);
  fold.checkVersion(from);
  fold.checkVersion(to);
  const earlier = await stateOf(fold, Math.min(from, to), signal);
  const later = await stateOf(fold, Math.max(from, to), signal);
  const { type } = fold.model;
  const changes = from <= to ? changesBetween(earlier, later, type) : changesBetween(later, earlier, type);
  return { from, to, changes };
}

async function stateOf(fold: StreamFold, version: number, signal?: AbortSignal): Promise<Json> {
  for await (const events of fold.pages({ upTo: version }, signal)) fold.fold(events);
  return fold.state();
}
