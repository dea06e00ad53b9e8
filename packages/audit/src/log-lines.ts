import { hash } from 'node:crypto';
import type { EventStore, StoredEvent } from '@backstory/core';
import { writeHeader, type MerkleTree } from '@backstory/proof/seal';
import { hashTexts, type EventTexts } from './line-hash.js';
import type { LineHasher } from './line-hasher.js';
import { readLog, type LogRange, type ReadOptions, type UnreadableEvent } from './log-reader.js';

/** Some events of the log that follow each other, as lines of a seal. */
export interface LineBlock {
  readonly count: number;
  /** In UTF-8, each with its break. */
  readonly lines: Uint8Array;
  readonly leaves: string;
  readonly root: string | null;
  /** Of the last event. */
  readonly position: number;
}

/** How a log is made lines. */
export interface LineOptions extends ReadOptions {
  readonly hasher: LineHasher;
  /** How many leaves there are before, so that blocks are whole subtrees. */
  readonly size: number;
}

/** A block is a subtree of so many leaves; less at the beginning and end, and where events are large. */
const BLOCK = 1_024;
const LARGEST = 4 * 2 ** 20;
/** Blocks being hashed while the next one is read. */
const AHEAD = 4;

/** A part of the log as lines, in order. */
export async function* logLines(
  store: EventStore,
  range: LogRange,
  { hasher, size, ...reading }: LineOptions,
): AsyncGenerator<LineBlock | UnreadableEvent, void> {
  const coming: Promise<LineBlock | UnreadableEvent>[] = [];
  const blocks = new Blocks(size, (events, texts) => coming.push(block(events, texts, hasher)));
  try {
    for await (const found of readLog(store, range, reading)) {
      if ('message' in found) {
        blocks.end();
        coming.push(Promise.resolve(found));
      } else for (const event of found) blocks.add(event);
      while (coming.length > AHEAD) yield await coming.shift()!;
    }
    blocks.end();
    while (coming.length > 0) yield await coming.shift()!;
  } finally {
    await Promise.allSettled(coming);
  }
}

/** The line of one event, without its break. */
export function lineOf(event: StoredEvent): string {
  const parts = [headerOf(event), event.data, event.metadata].map((it) => Buffer.from(it));
  let end = 0;
  const ends = Uint32Array.from(parts, (part) => (end += part.length));
  const { lines } = hashTexts({ bytes: Buffer.concat(parts), ends }, hash);
  return Buffer.from(lines).toString().trimEnd();
}

/** Adds a block to a tree: at once where it fits in as a subtree. */
export function addBlock(tree: MerkleTree, { count, leaves, root }: LineBlock): void {
  if (root !== null && tree.size % count === 0) return tree.appendSubtree(Math.log2(count), root);
  for (let i = 0; i < leaves.length; i += 32) tree.append(leaves.slice(i, i + 32));
}

async function block(
  { count, position }: { readonly count: number; readonly position: number },
  texts: EventTexts,
  hasher: LineHasher,
): Promise<LineBlock> {
  return { count, position, ...(await hasher.hash(texts)) };
}

/** Gathers events for one block after the other. */
class Blocks {
  private texts = Buffer.allocUnsafeSlow(ROOM);
  private readonly ends = new Uint32Array(3 * BLOCK);
  private count = 0;
  private length = 0;
  private position = 0;

  constructor(
    private size: number,
    private readonly full: (events: { count: number; position: number }, texts: EventTexts) => void,
  ) {}

  add(event: StoredEvent): void {
    const at = 3 * this.count;
    this.ends[at] = this.write(headerOf(event));
    this.ends[at + 1] = this.write(event.data);
    this.ends[at + 2] = this.write(event.metadata);
    this.count++;
    this.position = event.position;
    if ((this.size + this.count) % BLOCK === 0 || this.length > LARGEST) this.end();
  }

  end(): void {
    const { count, position, length, texts, ends } = this;
    if (count === 0) return;
    this.size += count;
    [this.count, this.length] = [0, 0];
    // What is being hashed is left alone.
    this.texts = Buffer.allocUnsafeSlow(ROOM);
    this.full({ count, position }, { bytes: texts.subarray(0, length), ends: ends.slice(0, 3 * count) });
  }

  private write(text: string): number {
    const most = this.length + 3 * text.length;
    if (most > this.texts.length) {
      const larger = Buffer.allocUnsafeSlow(2 * most);
      this.texts.copy(larger, 0, 0, this.length);
      this.texts = larger;
    }
    return (this.length += this.texts.write(text, this.length));
  }
}

/** Of a block, to begin with, in bytes. */
const ROOM = 512 * 1_024;

function headerOf(event: StoredEvent): string {
  const { position, stream, version, id, type, schemaVersion, appendIndex } = event;
  const recordedAt = event.recordedAt.getTime();
  return writeHeader({ position, stream, version, id, type, schemaVersion, appendIndex, recordedAt });
}
