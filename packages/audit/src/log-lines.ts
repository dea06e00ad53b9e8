import { hash } from 'node:crypto';
import type { EventStore } from '@backstory/core';
import type { MerkleTree } from '@backstory/proof/seal';
import { hashTexts, linesIn, roomFor, type EventTexts } from './line-hash.js';
import type { LineHasher } from './line-hasher.js';
import type { LogRange, UnreadableEvent } from './log-reader.js';
import { requireExact } from './exact-texts.js';
import { BLOCK, logTexts, type TextBlock, type TextOptions } from './log-texts.js';

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
export interface LineOptions extends TextOptions {
  readonly hasher: LineHasher;
  /** Nothing but events that a proof can hold. */
  readonly exact?: boolean;
}

/** Blocks being hashed while the next one is read. */
const AHEAD = 5;

/** A part of the log as lines, in order. @throws NotProvable where `exact` is, and an event is none that a proof can hold */
export async function* logLines(
  store: EventStore,
  range: LogRange,
  { hasher, exact = false, ...reading }: LineOptions,
): AsyncGenerator<LineBlock | UnreadableEvent, void> {
  const coming: Promise<HashedBlock | UnreadableEvent>[] = [];
  const slabs = new Slabs();
  const next = async function* () {
    const part = await coming.shift()!;
    yield part;
    if ('slab' in part) slabs.takeBack(part.slab);
  };
  try {
    for await (const found of logTexts(store, range, reading)) {
      if (exact && 'bytes' in found) requireExact(found);
      const part = 'message' in found ? Promise.resolve(found) : hashed(found, slabs.with(found), hasher);
      part.catch(() => undefined); // told to whoever comes to it
      coming.push(part);
      while (coming.length > AHEAD) yield* next();
    }
    while (coming.length > 0) yield* next();
  } finally {
    await Promise.allSettled(coming);
  }
}

type HashedBlock = LineBlock & Pick<EventTexts, 'slab'>;

/** Whether the event at a position is the one of this line, byte by byte. */
export async function isLineAt(store: EventStore, position: number, line: string): Promise<boolean> {
  const range = { after: position - 1, upTo: position };
  for await (const found of logTexts(store, range, { size: 0 }))
    if ('bytes' in found) return lineIn(found) === line;
  return false;
}

/** The position of the first event of a part of the log; where there is none, the one behind the part. */
export async function firstPosition(store: EventStore, range: LogRange): Promise<number> {
  for await (const found of logTexts(store, range, { size: BLOCK - 1 }))
    if ('bytes' in found) return found.last;
  return range.upTo + 1;
}

/** Adds a block to a tree: at once where it fits in as a subtree. */
export function addBlock(tree: MerkleTree, { count, leaves, root }: LineBlock): void {
  if (root !== null && tree.size % count === 0) return tree.appendSubtree(Math.log2(count), root);
  for (let i = 0; i < leaves.length; i += 32) tree.append(leaves.slice(i, i + 32));
}

/** The line of the only event of a block, without its break. */
function lineIn(block: TextBlock): string {
  const texts = new Slabs().with(block);
  return Buffer.from(linesIn(texts, hashTexts(texts, hash)))
    .toString('latin1')
    .slice(0, -1);
}

async function hashed(
  { count, last }: TextBlock,
  texts: EventTexts,
  hasher: LineHasher,
): Promise<HashedBlock> {
  const hashed = await hasher.hash(texts);
  const { leaves, root } = hashed;
  return { count, position: last, lines: linesIn(texts, hashed), leaves, root, slab: texts.slab };
}

/** Memory that threads share, used again: nobody collects it in time. */
class Slabs {
  private readonly spare: SharedArrayBuffer[] = [];

  /** One in which these texts stand, with room for their lines. */
  with({ bytes, count }: Pick<TextBlock, 'bytes' | 'count'>): EventTexts {
    const slab = this.ofSize(roomFor(bytes.length, count));
    new Uint8Array(slab).set(bytes);
    return { slab, length: bytes.length, count };
  }

  takeBack(slab: SharedArrayBuffer): void {
    if (slab.byteLength <= LARGEST_KEPT) this.spare.push(slab);
  }

  private ofSize(bytes: number): SharedArrayBuffer {
    const spare = this.spare.pop();
    if (spare && spare.byteLength >= bytes) return spare;
    return new SharedArrayBuffer(2 ** Math.ceil(Math.log2(bytes)));
  }
}

/** All but those of huge events are kept. */
const LARGEST_KEPT = 16 * 2 ** 20;
