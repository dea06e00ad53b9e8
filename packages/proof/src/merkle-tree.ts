import { sha256, type Digest } from './digest.js';

/** Told of every complete node: its height above the leaves, and its place among the nodes of that height. */
export type NodeSink = (height: number, index: number, digest: Digest) => void;

/**
 * A Merkle tree over leaves that come one after the other (RFC 6962 §2.1, RFC 9162 §2.1.1). It keeps one hash for each
 * complete subtree that is not part of a larger one: at most 53, however many leaves there are.
 */
export class MerkleTree {
  /** How many leaves it has. */
  size = 0;
  private readonly complete: Digest[] = [];

  constructor(private readonly onNode?: NodeSink) {}

  /** The tree that had this many leaves and these peaks, to be added to. */
  static from(size: number, peaks: readonly Digest[]): MerkleTree {
    const tree = new MerkleTree();
    if (onesIn(size) !== peaks.length)
      throw new RangeError(`${size} leaves do not have ${peaks.length} peaks`);
    tree.complete.push(...peaks);
    tree.size = size;
    return tree;
  }

  /** Its complete subtrees, from the largest on the left to the smallest on the right: one for each bit of the size. */
  get peaks(): readonly Digest[] {
    return [...this.complete];
  }

  /** Adds the hash of a leaf, as {@link leafOf} makes it. */
  append(leaf: Digest): void {
    this.appendSubtree(0, leaf);
  }

  /** Adds 2^height leaves at once by the root of their own tree; the size must be a multiple of as many. */
  appendSubtree(height: number, root: Digest): void {
    const leaves = 2 ** height;
    if (this.size % leaves !== 0) throw new RangeError(`a subtree of ${leaves} cannot stand at ${this.size}`);
    let digest = root;
    let index = this.size / leaves;
    this.onNode?.(height, index, digest);
    for (; index % 2 === 1; height++) {
      digest = nodeOf(this.complete.pop()!, digest);
      index = (index - 1) / 2;
      this.onNode?.(height + 1, index, digest);
    }
    this.complete.push(digest);
    this.size += leaves;
  }

  /** The hash that stands for all leaves, in their order. */
  root(): Digest {
    return rootOfPeaks(this.complete);
  }
}

/** Joins complete subtrees of falling size, as RFC 6962 splits what is not complete. */
export function rootOfPeaks(peaks: readonly Digest[]): Digest {
  if (peaks.length === 0) return sha256('');
  return peaks.reduceRight((right, left) => nodeOf(left, right));
}

/** Sizes go beyond what bit operators can do. */
function onesIn(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}

const LEAF = Buffer.alloc(97);
const NODE = Buffer.alloc(65, 1);

/** The hash of a leaf: SHA-256 of 0x00 and the hashes of an event's header, data and metadata. */
export function leafOf(header: Digest, data: Digest, metadata: Digest): Digest {
  LEAF.write(header, 1, 'latin1');
  LEAF.write(data, 33, 'latin1');
  LEAF.write(metadata, 65, 'latin1');
  return sha256(LEAF);
}

/** The hash of a node: SHA-256 of 0x01 and the hashes of its children. */
export function nodeOf(left: Digest, right: Digest): Digest {
  NODE.write(left, 1, 'latin1');
  NODE.write(right, 33, 'latin1');
  return sha256(NODE);
}
