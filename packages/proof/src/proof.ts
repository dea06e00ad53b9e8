import { digestIn, hexOf, sha256, type Digest } from './digest.js';
import { InvalidProof } from './errors.js';
import { isHeader, writeHeader, type EventHeader } from './event-header.js';
import { areCounts, areHashes, isExactText, jsonIn, membersOf, textOf, type Members } from './exact-json.js';
import { rootFromInclusion, rootsFromConsistency } from './merkle-path.js';
import { leafOf } from './merkle-tree.js';
import { HEAD_PROBLEMS } from './head-problems.js';
import { headHash, headIn, headMembers, type TreeHead, type Trust } from './tree-head.js';

const FORMAT = 'backstory.proof/1';

/** Proves that an event was in the log when it was sealed. Without its texts it proves the same of their hashes. */
export interface InclusionProof {
  readonly kind: 'inclusion';
  readonly event: EventHeader;
  /** The text as stored, null where it is not shown. */
  readonly data: string | null;
  readonly dataHash: string;
  readonly metadata: string | null;
  readonly metadataHash: string;
  readonly leafIndex: number;
  readonly path: readonly string[];
  readonly head: TreeHead;
}

/** Proves that a later seal covers everything that an earlier one did, unchanged. */
export interface ConsistencyProof {
  readonly kind: 'consistency';
  readonly first: TreeHead;
  readonly second: TreeHead;
  readonly path: readonly string[];
}

/** What a proof file holds. */
export type Proof = InclusionProof | ConsistencyProof;

/** A proof as text, format version 1: over several lines for a file of its own, or as one line. */
export function writeProof(proof: Proof, shape: 'file' | 'line' = 'file'): string {
  const members = proof.kind === 'inclusion' ? inclusionMembers(proof) : consistencyMembers(proof);
  return `${JSON.stringify(members, undefined, shape === 'file' ? 2 : 0)}\n`;
}

/**
 * Checks a proof: that it stands exactly as it was written, that its hashes lead to the root, and that somebody who is
 * believed has signed that root. Nothing but the proof and the keys is needed.
 *
 * @throws InvalidProof
 */
export function checkProof(file: string | Uint8Array, trust: Trust): Proof {
  const proof = readProof(file);
  if (proof.kind === 'inclusion') checkInclusion(proof);
  else checkConsistency(proof);
  for (const head of proof.kind === 'inclusion' ? [proof.head] : [proof.first, proof.second]) {
    const problem = trust.judge(head);
    if (problem) throw new InvalidProof(problem, `Seal ${head.sequence}: ${HEAD_PROBLEMS[problem]}`);
  }
  return proof;
}

/** Reads a proof without checking what it says. @throws InvalidProof when it is not exactly what `writeProof` writes */
export function readProof(file: string | Uint8Array): Proof {
  const text = textOf(file);
  const members = text === undefined ? undefined : membersOf(jsonIn(text));
  const format = members?.['format'];
  if (members && format !== FORMAT) {
    const found = typeof format === 'string' ? format : 'something else';
    throw new InvalidProof('form', `Expected the format ${FORMAT} and found ${found}.`);
  }
  const proof = members && (inclusionIn(members) ?? consistencyIn(members));
  if (!proof) throw new InvalidProof('form', 'This is no proof, or not all of one.');
  if (text !== writeProof(proof) && text !== writeProof(proof, 'line'))
    throw new InvalidProof('form', 'A proof must stand exactly as it was written: this one was edited.');
  return proof;
}

function checkInclusion(proof: InclusionProof): void {
  const { event, data, dataHash, metadata, metadataHash, leafIndex, head } = proof;
  if (data !== null && hexOf(sha256(data)) !== dataHash)
    throw new InvalidProof('data', 'The data shown is not what was sealed.');
  if (metadata !== null && hexOf(sha256(metadata)) !== metadataHash)
    throw new InvalidProof('metadata', 'The metadata shown is not what was sealed.');
  const leaf = leafOf(sha256(writeHeader(event)), digestIn(dataHash)!, digestIn(metadataHash)!);
  const root = rootFromInclusion({ index: leafIndex, size: head.treeSize }, leaf, digests(proof.path));
  if (root === undefined || hexOf(root) !== head.root)
    throw new InvalidProof('path', 'This event is not in the log that was sealed: its path misses the root.');
}

function checkConsistency({ first, second, path }: ConsistencyProof): void {
  const follows = second.sequence > first.sequence && second.logId === first.logId;
  const adjacent = second.sequence === first.sequence + 1;
  if (!follows || (adjacent && second.previous !== headHash(first)))
    throw new InvalidProof('order', `Seal ${second.sequence} does not follow seal ${first.sequence}.`);
  const sizes = { first: first.treeSize, second: second.treeSize };
  const roots = rootsFromConsistency(sizes, digestIn(first.root)!, digests(path));
  if (!roots || hexOf(roots.first) !== first.root || hexOf(roots.second) !== second.root)
    throw new InvalidProof('path', 'The later seal does not contain the earlier one: history was rewritten.');
}

function digests(path: readonly string[]): readonly Digest[] {
  return path.map((hex) => digestIn(hex)!);
}

function inclusionMembers({ head, event, ...rest }: InclusionProof): object {
  const { kind, data, dataHash, metadata, metadataHash, leafIndex, path } = rest;
  const { position, stream, version, id, type, schemaVersion, appendIndex, recordedAt } = event;
  const header = { position, stream, version, id, type, schemaVersion, appendIndex, recordedAt };
  const payload = { data, dataHash, metadata, metadataHash };
  return { format: FORMAT, kind, event: header, ...payload, leafIndex, path, head: headMembers(head) };
}

function consistencyMembers({ kind, first, second, path }: ConsistencyProof): object {
  return { format: FORMAT, kind, first: headMembers(first), second: headMembers(second), path };
}

function inclusionIn(members: Members): InclusionProof | undefined {
  const { kind, event, data, dataHash, metadata, metadataHash, leafIndex, path } = members;
  const head = headOf(members['head']);
  const complete =
    kind === 'inclusion' &&
    isHeader(event) &&
    [data, metadata].every((it) => it === null || isExactText(it)) &&
    areHashes(dataHash, metadataHash) &&
    areCounts(leafIndex) &&
    isPath(path);
  const { format: _format, ...others } = members;
  return complete && head ? ({ ...others, head } as unknown as InclusionProof) : undefined;
}

function consistencyIn(members: Members): ConsistencyProof | undefined {
  const { kind, path } = members;
  const [first, second] = [headOf(members['first']), headOf(members['second'])];
  if (kind !== 'consistency' || !isPath(path) || !first || !second) return undefined;
  return { kind, first, second, path };
}

function headOf(value: unknown): TreeHead | undefined {
  const members = membersOf(value);
  return members && headIn(members);
}

function isPath(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((it) => areHashes(it));
}
