import type { FoldableEvent } from '@backstory/core/administration';
import type { Json } from '@backstory/events';
import { stateAt, type ReplaySource } from '@backstory/replay';
import {
  PurityWatch,
  digestedOf,
  faultsOf,
  foldTrail,
  trailLine,
  type Finding,
} from '@backstory/replay/check';

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
  /** A line of the file, with its end, for each stream in which something had happened: UTF-8, which no thread copies for another. */
  readonly lines: Uint8Array<ArrayBuffer>;
  /** What of the lines is digested, where that is not all of them. */
  readonly digested?: Uint8Array<ArrayBuffer>;
  readonly streams: number;
  readonly events: number;
  readonly faults: readonly Finding[];
}

const ONE_IN = 50;
const READ_AT_ONCE = 25;

/** Folds some streams of a build, with an eye on what handlers ask of the world. */
export async function foldStreams(
  source: ReplaySource,
  items: readonly FoldItem[],
  { isTwice, isLastOnly }: FoldOptions,
): Promise<Folded> {
  const watch = PurityWatch.open();
  const lines: string[] = [];
  const faults: Finding[] = [];
  let isImpure = false;
  let events = 0;
  try {
    let read: ReadonlyMap<string, readonly FoldableEvent[]> | undefined;
    for (const [i, { stream, version, upToPosition }] of items.entries()) {
      if (i % READ_AT_ONCE === 0)
        read = await source.events.readShortStreams?.(items.slice(i, i + READ_AT_ONCE).filter(isWhole));
      const trail = await foldTrail(source, {
        stream,
        version,
        upToPosition,
        events: read?.get(stream),
        isLastOnly,
        watch,
        isTwice: isTwice || i % ONE_IN === 0,
      });
      // It began after the record was begun.
      if (trail.version === 0 && !trail.failed && upToPosition !== undefined) continue;
      events += trail.version;
      lines.push(trailLine(trail));
      isImpure ||= trail.impure !== undefined;
      faults.push(...faultsOf(trail));
    }
  } finally {
    watch.close();
  }
  return {
    lines: bytesOf(lines),
    ...(isImpure && { digested: bytesOf(lines.map(digestedOf)) }),
    streams: lines.length,
    events,
    faults,
  };
}

function bytesOf(lines: readonly string[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(lines.map((it) => `${it}\n`).join(''));
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
