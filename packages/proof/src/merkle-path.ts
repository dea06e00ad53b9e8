import type { Digest } from './digest.js';
import { MerkleTree, nodeOf, rootOfPeaks } from './merkle-tree.js';

/** Leaves from one place up to, and without, another. */
export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** The parts of a tree whose hashes prove that a leaf is in it, from the leaf up (RFC 9162 §2.1.3.1). */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  for (let from = 0, to = size; to - from > 1;) {
    const middle = from + splitOf(to - from);
    if (index < middle) ranges.push({ from: middle, to });
    else ranges.push({ from, to: middle });
    if (index < middle) to = middle;
    else from = middle;
  }
  return ranges.reverse();
}

/** The parts of a tree whose hashes prove that it begins with the first `first` leaves of its own (RFC 9162 §2.1.4.1). */
export function consistencyRanges(first: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let [from, to] = [0, size];
  while (to !== first) {
    const middle = from + splitOf(to - from);
    if (first <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  if (from > 0) ranges.push({ from, to });
  return ranges.reverse();
}

/** Collects, while leaves go by, the hashes of the parts of their tree that are wanted. */
export class MerklePaths {
  private readonly nodes = new Map<string, Digest | undefined>();
  private readonly tree = new MerkleTree((height, index, digest) => {
    const name = `${height}:${index}`;
    if (this.nodes.has(name)) this.nodes.set(name, digest);
  });

  /** Asks for them. All have to be wanted before the first leaf comes. */
  want(ranges: readonly LeafRange[]): void {
    for (const range of ranges) for (const node of nodesOf(range)) this.nodes.set(node, undefined);
  }

  append(leaf: Digest): void {
    this.tree.append(leaf);
  }

  /** The root over all leaves that came. */
  root(): Digest {
    return this.tree.root();
  }

  /** Once their leaves have come. */
  digestsOf(ranges: readonly LeafRange[]): readonly Digest[] {
    return ranges.map((range) => rootOfPeaks(nodesOf(range).map((node) => this.nodes.get(node)!)));
  }
}

/** The root that a leaf and its path lead to (RFC 9162 §2.1.3.2); `undefined` when they do not fit the tree's size. */
export function rootFromInclusion(
  { index, size }: { readonly index: number; readonly size: number },
  leaf: Digest,
  path: readonly Digest[],
): Digest | undefined {
  if (index >= size || path.length !== inclusionRanges(index, size).length) return undefined;
  let [place, last, digest] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (place % 2 === 1 || place === last) {
      digest = nodeOf(sibling, digest);
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    } else digest = nodeOf(digest, sibling);
    [place, last] = [half(place), half(last)];
  }
  return digest;
}

/**
 * The roots of the smaller and of the larger tree that a consistency path leads to, given the smaller one's root
 * (RFC 9162 §2.1.4.2); `undefined` when they do not fit the sizes.
 */
export function rootsFromConsistency(
  { first, second }: { readonly first: number; readonly second: number },
  firstRoot: Digest,
  path: readonly Digest[],
): { readonly first: Digest; readonly second: Digest } | undefined {
  if (first < 1 || first > second || path.length !== consistencyRanges(first, second).length)
    return undefined;
  if (first === second) return { first: firstRoot, second: firstRoot };
  // A first tree that is complete is itself the first node of the path.
  const [start, ...rest] = isComplete(first) ? [firstRoot, ...path] : path;
  let [place, last] = [first - 1, second - 1];
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  let [smaller, larger] = [start!, start!];
  for (const sibling of rest) {
    if (place % 2 === 1 || place === last) {
      [smaller, larger] = [nodeOf(sibling, smaller), nodeOf(sibling, larger)];
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    } else larger = nodeOf(larger, sibling);
    [place, last] = [half(place), half(last)];
  }
  return { first: smaller, second: larger };
}

/** The largest power of two that is smaller than a number of leaves. Sizes go beyond what bit operators can do. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function isComplete(size: number): boolean {
  return size === 1 || splitOf(size) * 2 === size;
}

function half(place: number): number {
  return Math.floor(place / 2);
}

/** The complete subtrees of a part of a tree, from left to right, by height and place. */
function nodesOf({ from, to }: LeafRange): string[] {
  const nodes: string[] = [];
  while (from < to) {
    let height = 0;
    while (from % 2 ** (height + 1) === 0 && from + 2 ** (height + 1) <= to) height++;
    nodes.push(`${height}:${from / 2 ** height}`);
    from += 2 ** height;
  }
  return nodes;
}
