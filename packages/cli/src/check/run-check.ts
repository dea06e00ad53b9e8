import crypto from 'node:crypto';
import type { EventStore } from '@backstory/core';
import type { Finding, TrailsFooter, TrailsHeader } from '@backstory/replay/check';
import { Interrupted } from '../errors.js';
import type { FoldPool } from './fold-pool.js';
import type { FoldItem, FoldOptions, Folded } from './folding.js';
import type { TrailsFile, TrailsWriter } from './trails-file.js';

/** What is folded, with what, and where its trails go. */
export interface FoldRun {
  readonly pool: FoldPool;
  readonly items: AsyncIterable<FoldItem>;
  readonly options: FoldOptions;
  readonly writer: TrailsWriter;
  readonly signal?: AbortSignal | undefined;
  /** What is wrong with a stream by itself. */
  readonly found?: (fault: Finding) => void;
  readonly onStreams?: (streams: number) => void;
}

const AT_ONCE = 100;

/** Folds streams in parallel and writes their trails in order. @throws Interrupted — what was written is kept for the next time */
export async function foldAll(run: FoldRun): Promise<TrailsFooter> {
  const { pool, writer, signal } = run;
  const waiting: Promise<Folded>[] = [];
  let streams = 0;
  const takeOne = async () => {
    const folded = await waiting.shift()!;
    await writer.write(folded);
    for (const fault of folded.faults) run.found?.(fault);
    run.onStreams?.((streams += AT_ONCE));
  };
  try {
    for await (const items of portions(run.items)) {
      if (signal?.aborted) throw new Interrupted();
      const folded = pool.fold(items, run.options);
      // Its failure is told when it is its turn.
      folded.catch(() => undefined);
      waiting.push(folded);
      if (waiting.length >= pool.size) await takeOne();
    }
    while (waiting.length > 0) {
      if (signal?.aborted) throw new Interrupted();
      await takeOne();
    }
    return await writer.end();
  } catch (error) {
    await Promise.allSettled(waiting);
    await writer.stop();
    throw error;
  }
}

async function* portions(items: AsyncIterable<FoldItem>): AsyncGenerator<readonly FoldItem[], void> {
  let portion: FoldItem[] = [];
  for await (const item of items) {
    if (portion.push(item) < AT_ONCE) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}

/** The streams of a log that are to be folded: those of some categories, about as many as are wanted. */
export async function* streamsOf(
  log: EventStore,
  { categories, sample, head }: Pick<TrailsHeader, 'categories' | 'sample' | 'head'>,
  { after, total }: { readonly after: string | undefined; readonly total: number },
): AsyncGenerator<FoldItem, void> {
  const isTaken =
    sample === null || sample >= total ? () => true : (stream: string) => share(stream) < sample / total;
  for await (const page of log.listStreams({ categories, ...(after !== undefined && { after }) }))
    for (const { stream, version, position } of page)
      // What was recorded since is no part of it.
      if (isTaken(stream)) yield position > head ? { stream, upToPosition: head } : { stream, version };
}

/** Between 0 and 1, the same every time. */
function share(name: string): number {
  return Number.parseInt(crypto.hash('sha256', name, 'hex').slice(0, 8), 16) / 2 ** 32;
}

export async function countStreams(log: EventStore, categories: readonly string[]): Promise<number> {
  let total = 0;
  for await (const page of log.listStreams({ categories })) total += page.length;
  return total;
}

/** The streams after the last that was written already, as of the head when it was begun. */
export type Items = (writer: Pick<TrailsWriter, 'after' | 'header'>) => AsyncIterable<FoldItem>;

/** The streams of a record, each as far as it was folded then. */
export function itemsOf(file: TrailsFile): Items {
  return async function* ({ after }) {
    for await (const { stream, version, failed } of file.trails())
      // What could not be folded then may be folded further now: it is compared as far as it was.
      if (after === undefined || Buffer.compare(Buffer.from(stream), Buffer.from(after)) > 0)
        yield { stream, version: failed ? failed.version : version };
  };
}
