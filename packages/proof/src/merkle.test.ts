import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { digestIn, hexOf, sha256, type Digest } from './digest.js';
import {
  MerklePaths,
  consistencyRanges,
  inclusionRanges,
  rootFromInclusion,
  rootsFromConsistency,
} from './merkle-path.js';
import { MerkleTree } from './merkle-tree.js';

interface Vectors {
  readonly leaves: readonly string[];
  readonly roots: readonly string[];
  readonly inclusion: readonly { index: number; size: number; path: readonly string[] }[];
  readonly consistency: readonly { first: number; second: number; path: readonly string[] }[];
}

const vectors = JSON.parse(fs.readFileSync(path.join(__dirname, 'rfc6962.json'), 'utf8')) as Vectors;
const leaves = vectors.leaves.map((it) => bySpec(Buffer.concat([Buffer.of(0), Buffer.from(it, 'hex')])));
const digests = (path: readonly string[]) => path.map((hex) => digestIn(hex)!);

describe('the test vectors of RFC 6962', () => {
  test.each(vectors.roots.map((root, size) => ({ size, root })))(
    'the root of $size leaves',
    ({ size, root }) => {
      const tree = new MerkleTree();
      leaves.slice(0, size).forEach((leaf) => tree.append(leaf));
      expect(hexOf(tree.root())).toBe(root);
      expect(tree.size).toBe(size);
    },
  );

  test.each(vectors.inclusion)('leaf $index is one of $size', ({ index, size, path }) => {
    const paths = new MerklePaths();
    paths.want(inclusionRanges(index, size));
    leaves.slice(0, size).forEach((leaf) => paths.append(leaf));
    expect(paths.digestsOf(inclusionRanges(index, size)).map(hexOf)).toEqual(path);
    expect(hexOf(rootFromInclusion({ index, size }, leaves[index]!, digests(path))!)).toBe(
      vectors.roots[size],
    );
  });

  test.each(vectors.consistency)('$first leaves are the first of $second', ({ first, second, path }) => {
    const paths = new MerklePaths();
    paths.want(consistencyRanges(first, second));
    leaves.slice(0, second).forEach((leaf) => paths.append(leaf));
    expect(paths.digestsOf(consistencyRanges(first, second)).map(hexOf)).toEqual(path);
    const roots = rootsFromConsistency({ first, second }, digestIn(vectors.roots[first])!, digests(path))!;
    expect([roots.first, roots.second].map(hexOf)).toEqual([vectors.roots[first], vectors.roots[second]]);
  });
});

/** The definitions of RFC 6962 §2.1, word by word. */
function bySpec(bytes: Buffer): Digest {
  return createHash('sha256').update(bytes).digest('binary');
}
function split(n: number): number {
  return 2 ** Math.ceil(Math.log2(n) - 1);
}
function treeHash(d: readonly Digest[]): Digest {
  if (d.length === 0) return bySpec(Buffer.alloc(0));
  if (d.length === 1) return d[0]!;
  const k = split(d.length);
  const children = [treeHash(d.slice(0, k)), treeHash(d.slice(k))].map((it) => Buffer.from(it, 'latin1'));
  return bySpec(Buffer.concat([Buffer.of(1), ...children]));
}
function pathOf(m: number, d: readonly Digest[]): Digest[] {
  if (d.length === 1) return [];
  const k = split(d.length);
  if (m < k) return [...pathOf(m, d.slice(0, k)), treeHash(d.slice(k))];
  return [...pathOf(m - k, d.slice(k)), treeHash(d.slice(0, k))];
}
function subProof(m: number, d: readonly Digest[], complete: boolean): Digest[] {
  if (m === d.length) return complete ? [] : [treeHash(d)];
  const k = split(d.length);
  if (m <= k) return [...subProof(m, d.slice(0, k), complete), treeHash(d.slice(k))];
  return [...subProof(m - k, d.slice(k), false), treeHash(d.slice(0, k))];
}

const some = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { minLength: 1, maxLength: 70 });
const asDigests = (leaves: Uint8Array[]) => leaves.map((it) => Buffer.from(it).toString('latin1'));

test('roots and paths of any tree are those of the definitions, and every changed hash misses the root', () => {
  fc.assert(
    fc.property(some, fc.nat(), fc.nat(), (bytes, m, n) => {
      const d = asDigests(bytes);
      const [index, first] = [m % d.length, (n % d.length) + 1];
      const paths = new MerklePaths();
      paths.want(inclusionRanges(index, d.length));
      paths.want(consistencyRanges(first, d.length));
      d.forEach((leaf) => paths.append(leaf));
      const root = paths.root();
      expect(root).toBe(treeHash(d));
      const inclusion = paths.digestsOf(inclusionRanges(index, d.length));
      expect(inclusion).toEqual(pathOf(index, d));
      expect(rootFromInclusion({ index, size: d.length }, d[index]!, inclusion)).toBe(root);
      const consistency = paths.digestsOf(consistencyRanges(first, d.length));
      expect(consistency).toEqual(subProof(first, d, true));
      const sizes = { first, second: d.length };
      const firstRoot = treeHash(d.slice(0, first));
      expect(rootsFromConsistency(sizes, firstRoot, consistency)).toEqual({ first: firstRoot, second: root });
      const other = Buffer.alloc(32, 7).toString('latin1');
      inclusion.forEach((_, i) => {
        const wrong = inclusion.with(i, other);
        expect(rootFromInclusion({ index, size: d.length }, d[index]!, wrong)).not.toBe(root);
      });
      consistency.forEach((_, i) => {
        const wrong = rootsFromConsistency(sizes, firstRoot, consistency.with(i, other))!;
        expect(wrong.first === firstRoot && wrong.second === root).toBe(false);
      });
    }),
  );
});

test('subtrees may be added whole', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.nat(40), fc.nat(40), (height, before, after) => {
      const width = 2 ** height;
      const d = Array.from({ length: before * width + width + after }, (_, i) => sha256(String(i)));
      const [one, other, part] = [new MerkleTree(), new MerkleTree(), new MerkleTree()];
      d.forEach((leaf) => one.append(leaf));
      d.slice(0, before * width).forEach((leaf) => other.append(leaf));
      d.slice(before * width, before * width + width).forEach((leaf) => part.append(leaf));
      other.appendSubtree(height, part.root());
      d.slice(before * width + width).forEach((leaf) => other.append(leaf));
      expect(other.root()).toBe(one.root());
      const resumed = MerkleTree.from(other.size, other.peaks);
      for (const it of [one, resumed]) it.append(sha256('another'));
      expect(resumed.root()).toBe(one.root());
      expect(other.size).toBe(d.length);
    }),
    { numRuns: 40 },
  );
  const tree = new MerkleTree();
  expect(MerkleTree.from(0, []).root()).toBe(tree.root());
  expect(() => MerkleTree.from(3, ['a'])).toThrow(RangeError);
  tree.append(sha256('another'));
  expect(() => tree.appendSubtree(1, sha256('another'))).toThrow(RangeError);
});

test('a tree may be larger than bit operators reach', () => {
  const size = 2 ** 40 + 3;
  const index = 2 ** 40 + 1;
  const path = inclusionRanges(index, size).map((_, i) => sha256(String(i)));
  expect(path).toHaveLength(3);
  expect(rootFromInclusion({ index, size }, sha256('another'), path)).toBeDefined();
  expect(rootFromInclusion({ index, size }, sha256('another'), path.slice(1))).toBeUndefined();
  expect(rootFromInclusion({ index: size, size }, sha256('another'), path)).toBeUndefined();
});
