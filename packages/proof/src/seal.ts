/** For those who seal logs and make proofs. */
export { digestIn, hexOf, sha256, type Digest } from './digest.js';
export { isHeader, readHeader, writeHeader } from './event-header.js';
export { MerkleTree, leafOf, nodeOf, type NodeSink } from './merkle-tree.js';
export {
  MerklePaths,
  consistencyRanges,
  inclusionRanges,
  rootFromInclusion,
  rootsFromConsistency,
  type LeafRange,
} from './merkle-path.js';
export { newPrivateKey, readPrivateKey } from './signing-key.js';
export { signHead, type UnsignedHead } from './tree-head.js';
