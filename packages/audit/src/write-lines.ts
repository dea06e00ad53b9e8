import { StoreUnavailable, type EventStore } from '@backstory/core';
import { GiveWay } from './give-way.js';
import { LineHasher } from './line-hasher.js';
import { firstPosition, isLineAt, logLines, type LineBlock } from './log-lines.js';
import { BLOCK } from './log-texts.js';
import type { SealDraft } from './seal-draft.js';

/** How far lines are written, and who watches. */
export interface WriteOptions {
  readonly upTo: number;
  /** What was sealed once is written again whatever it is; nothing else is sealed that no proof can hold. */
  readonly exact: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (through: number, head: number) => void;
}

/**
 * Writes the lines of what follows in the log to a draft.
 *
 * @throws StoreUnavailable where another log takes the place of this one meanwhile
 * @throws NotProvable where `exact` is, and an event is none that a proof can hold
 */
export async function writeLines(store: EventStore, draft: SealDraft, options: WriteOptions): Promise<void> {
  const writer = new LineWriter(store, draft, options);
  try {
    await writer.run();
  } finally {
    await writer.close();
  }
}

/** Read in one go: a fraction of a second, after which others who append would have been heard of. */
const BLOCKS = 64;
/** Some milliseconds. */
const BLOCKS_BESIDE_OTHERS = 2;

/**
 * Writes in portions, each of which ends with all of it done: what is read ahead, and hashed beside, would otherwise go on while
 * this gives way.
 */
class LineWriter {
  private readonly hasher = new LineHasher();
  private readonly way: GiveWay;
  private last: { readonly position: number; readonly line: string } | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly draft: SealDraft,
    private readonly options: WriteOptions,
  ) {
    this.way = new GiveWay(store, options.upTo);
  }

  async run(): Promise<void> {
    const { upTo, signal } = this.options;
    for (let after = this.draft.position; after < upTo;) {
      const before = this.last;
      after = await this.portion(after);
      // Within a portion the store sees to it.
      await this.requireSame(before);
      await this.way.afterWork(signal);
    }
    await this.requireSame(this.last);
  }

  private async requireSame(written: LineWriter['last']): Promise<void> {
    if (!written || (await isLineAt(this.store, written.position, written.line))) return;
    throw new StoreUnavailable('The log', `position ${written.position} is another event than was sealed`);
  }

  async close(): Promise<void> {
    this.way.close();
    await this.hasher.close();
  }

  /** Up to which position it has come. */
  private async portion(after: number): Promise<number> {
    const { upTo, exact, signal, onProgress } = this.options;
    const { size } = this.draft.tree;
    const most = this.way.othersAppend ? BLOCKS_BESIDE_OTHERS : BLOCKS;
    const end = Math.min(upTo, after + most * BLOCK);
    const found = logLines(this.store, { after, upTo: end }, { hasher: this.hasher, exact, signal, size });
    let blocks = 0;
    for await (const block of found) {
      if ('message' in block) continue;
      this.draft.add(block);
      this.last = { position: block.position, line: lastLineOf(block) };
      onProgress?.(block.position, upTo);
      signal.throwIfAborted();
      if (++blocks >= BLOCKS_BESIDE_OTHERS && this.way.othersAppend) return block.position;
    }
    // There may be no events for long.
    return blocks > 0 ? end : (await firstPosition(this.store, { after: end, upTo })) - 1;
  }
}

function lastLineOf({ lines }: LineBlock): string {
  const end = lines.length - 1;
  return Buffer.from(lines.subarray(lines.lastIndexOf(0x0a, end - 1) + 1, end)).toString('latin1');
}
