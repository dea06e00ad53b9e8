import { hash } from 'node:crypto';
import type { EventStore, StoredEvent } from '@backstory/core';
import { writeHeader, type MerkleTree } from '@backstory/proof/seal';
import { hashTexts, linesIn, roomFor, type EventTexts } from './line-hash.js';
import type { LineHasher } from './line-hasher.js';
import { readLog, type LogRange, type ReadOptions, type UnreadableEvent } from './log-reader.js';

/** Some events of the log that follow each other, as lines of a seal. Good until the next block is asked for. */
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
const LARGEST = 2 * 2 ** 20;
/** Blocks being hashed while the next one is read. */
const AHEAD = 4;

/** A part of the log as lines, in order. */
export async function* logLines(
  store: EventStore,
  range: LogRange,
  { hasher, size, ...reading }: LineOptions,
): AsyncGenerator<LineBlock | UnreadableEvent, void> {
  const coming: Promise<HashedBlock | UnreadableEvent>[] = [];
  const blocks = new Blocks(size, (events, texts) => {
    const block = hashed(events, texts, hasher);
    block.catch(() => undefined); // told to whoever comes to it
    coming.push(block);
  });
  const next = async function* () {
    const part = await coming.shift()!;
    yield part;
    if ('slab' in part) blocks.takeBack(part.slab);
  };
  try {
    for await (const found of readLog(store, range, reading)) {
      if ('message' in found) {
        blocks.end();
        coming.push(Promise.resolve(found));
      } else for (const event of found) blocks.add(event);
      while (coming.length > AHEAD) yield* next();
    }
    blocks.end();
    while (coming.length > 0) yield* next();
  } finally {
    await Promise.allSettled(coming);
  }
}

type HashedBlock = LineBlock & Pick<EventTexts, 'slab'>;

/** The line of one event, without its break. */
export function lineOf(event: StoredEvent): string {
  const parts = [headerOf(event), event.data, event.metadata].map((it) => Buffer.from(it));
  let end = 0;
  const ends = Uint32Array.from(parts, (part) => (end += part.length));
  const slab = new SharedArrayBuffer(roomFor(end, 1));
  Buffer.concat(parts).copy(Buffer.from(slab));
  const texts = { slab, ends };
  return Buffer.from(linesIn(texts, hashTexts(texts, hash)))
    .toString()
    .trimEnd();
}

/** Adds a block to a tree: at once where it fits in as a subtree. */
export function addBlock(tree: MerkleTree, { count, leaves, root }: LineBlock): void {
  if (root !== null && tree.size % count === 0) return tree.appendSubtree(Math.log2(count), root);
  for (let i = 0; i < leaves.length; i += 32) tree.append(leaves.slice(i, i + 32));
}

async function hashed(
  { count, position }: { readonly count: number; readonly position: number },
  texts: EventTexts,
  hasher: LineHasher,
): Promise<HashedBlock> {
  const hashed = await hasher.hash(texts);
  const { leaves, root } = hashed;
  return { count, position, lines: linesIn(texts, hashed), leaves, root, slab: texts.slab };
}

/** Gathers events for one block after the other. */
class Blocks {
  private texts = Buffer.from(new SharedArrayBuffer(ROOM));
  /** To be used again. */
  private readonly spare: SharedArrayBuffer[] = [];
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
    const { count, position, ends } = this;
    if (count === 0) return;
    this.makeRoom(roomFor(this.length, count));
    const texts = { slab: this.texts.buffer, ends: ends.slice(0, 3 * count) };
    this.size += count;
    [this.count, this.length] = [0, 0];
    this.texts = Buffer.from(this.spare.pop() ?? new SharedArrayBuffer(ROOM));
    this.full({ count, position }, texts);
  }

  takeBack(slab: SharedArrayBuffer): void {
    if (slab.byteLength <= LARGEST_KEPT) this.spare.push(slab);
  }

  private write(text: string): number {
    const most = this.length + 3 * text.length;
    if (most > this.texts.length) this.makeRoom(2 * most);
    return (this.length += this.texts.write(text, this.length));
  }

  private makeRoom(bytes: number): void {
    if (bytes <= this.texts.length) return;
    const larger = Buffer.from(new SharedArrayBuffer(bytes));
    this.texts.copy(larger, 0, 0, this.length);
    this.texts = larger;
  }
}

/** For the texts of a block and its lines, in bytes; large events take more. */
const ROOM = 2 ** 20;
/** All but those of a huge event are used again: nobody collects shared memory in time. */
const LARGEST_KEPT = 6 * LARGEST;

function headerOf(event: StoredEvent): string {
  const { position, stream, version, id, type, schemaVersion, appendIndex } = event;
  const recordedAt = event.recordedAt.getTime();
  return writeHeader({ position, stream, version, id, type, schemaVersion, appendIndex, recordedAt });
}
