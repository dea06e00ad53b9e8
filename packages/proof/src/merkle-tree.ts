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
  /** Of complete subtrees, from the largest on the left to the smallest on the right: one for each bit of the size. */
  private readonly peaks: Digest[] = [];

  constructor(private readonly onNode?: NodeSink) {}

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
      digest = nodeOf(this.peaks.pop()!, digest);
      index = (index - 1) / 2;
      this.onNode?.(height + 1, index, digest);
    }
    this.peaks.push(digest);
    this.size += leaves;
  }

  /** The hash that stands for all leaves, in their order. */
  root(): Digest {
    return rootOfPeaks(this.peaks);
  }
}

/** Joins complete subtrees of falling size, as RFC 6962 splits what is not complete. */
export function rootOfPeaks(peaks: readonly Digest[]): Digest {
  if (peaks.length === 0) return sha256('');
  return peaks.reduceRight((right, left) => nodeOf(left, right));
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
