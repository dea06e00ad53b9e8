import type { FoldableEvent } from '@backstory/core/administration';
import type { Json } from '@backstory/events';
import { stateAt, type ReplaySource } from '@backstory/replay';
import { PurityWatch, faultsOf, foldTrail, trailLine, type Finding } from '@backstory/replay/check';

/** A stream that is to be folded, up to a version or up to a position of the log. */
export interface FoldItem {
  readonly stream: string;
  readonly version?: number;
  readonly upToPosition?: number;
}

/** How streams are folded. */
export interface FoldOptions {
  readonly isLastOnly: boolean;
  /** Each stream twice, rather than one in fifty. */
  readonly isTwice: boolean;
}

/** What became of some streams. */
export interface Folded {
  /** A line of the file for each stream in which something had happened. */
  readonly lines: readonly string[];
  readonly events: number;
  readonly faults: readonly Finding[];
}

const ONE_IN = 50;
const READ_AT_ONCE = 25;

/** Folds some streams of a build, with an eye on what handlers ask of the world. */
export async function foldStreams(
  source: ReplaySource,
  items: readonly FoldItem[],
  { isTwice, ...options }: FoldOptions,
): Promise<Folded> {
  const watch = PurityWatch.open();
  const lines: string[] = [];
  const faults: Finding[] = [];
  let events = 0;
  try {
    let read: ReadonlyMap<string, readonly FoldableEvent[]> | undefined;
    for (const [i, item] of items.entries()) {
      if (i % READ_AT_ONCE === 0)
        read = await source.events.readShortStreams?.(items.slice(i, i + READ_AT_ONCE).filter(isWhole));
      const trail = await foldTrail(source, {
        ...item,
        ...options,
        events: read?.get(item.stream),
        watch,
        isTwice: isTwice || i % ONE_IN === 0,
      });
      // It began after the record was begun.
      if (trail.version === 0 && !trail.failed && item.upToPosition !== undefined) continue;
      events += trail.version;
      lines.push(trailLine(trail));
      faults.push(...faultsOf(trail));
    }
  } finally {
    watch.close();
  }
  return { lines, events, faults };
}

/** To be folded up to a version that is known. */
function isWhole(item: FoldItem): item is FoldItem & { readonly version: number } {
  return item.version !== undefined;
}

/** The state at a version, where it can be told. */
export async function stateOrNothing(
  source: ReplaySource,
  stream: string,
  atVersion: number,
): Promise<Json | undefined> {
  try {
    return (await stateAt(source, stream, { atVersion })).state;
  } catch {
    return undefined;
  }
}
