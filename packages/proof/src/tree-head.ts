import { hexOf, sha256 } from './digest.js';
import { InvalidHead, type HeadProblem } from './errors.js';
import {
  areCounts,
  areHashes,
  isInstant,
  isSignature,
  jsonIn,
  membersOf,
  type Members,
} from './exact-json.js';
import type { SigningKey } from './signing-key.js';

const FORMAT = 'backstory.head/1';

/** What a seal says of a log: everything up to a position, in one hash, signed. Hashes are in hexadecimal. */
export interface TreeHead {
  /** 1, 2, 3 … in this log. */
  readonly sequence: number;
  readonly logId: string;
  readonly epoch: number;
  /** How many events the seal before covers, and up to which position. */
  readonly fromSize: number;
  readonly fromPosition: number;
  /** How many events are covered: the leaves of the tree. */
  readonly treeSize: number;
  /** The position of the last of them. */
  readonly position: number;
  /** The root of the tree over all of them (RFC 6962). */
  readonly root: string;
  /** SHA-256 of this seal's own lines, as they stand in its file. */
  readonly lines: string;
  readonly sealedAt: string;
  /** Of the head before, null for the first: {@link headHash}. */
  readonly previous: string | null;
  /** The last statement of the key ring when this was signed. */
  readonly keys: string;
  readonly keyId: string;
  /** Ed25519, in base64, over the line of this head without its signature. */
  readonly signature: string;
}

/** What a head says before it is signed. */
export type UnsignedHead = Omit<TreeHead, 'keyId' | 'signature'>;

/** Who is believed: one public key, or a ring of keys. */
export interface Trust {
  /** What is wrong with a head; `undefined` when its signature is good. */
  judge(head: TreeHead): HeadProblem | undefined;
}

/** Signs a head. */
export function signHead(head: UnsignedHead, key: SigningKey): TreeHead {
  const unsigned = { ...head, keyId: key.keyId };
  return { ...unsigned, signature: key.sign(signedText(unsigned)) };
}

/** The text that is signed: the line of the head without its signature. */
export function signedText(head: Omit<TreeHead, 'signature'>): string {
  return JSON.stringify(ordered(head));
}

/** One line of JSON, format version 1. */
export function writeHead(head: TreeHead): string {
  return JSON.stringify(headMembers(head));
}

/** The members of a head in their order, with its format, to stand in a file of JSON. */
export function headMembers(head: TreeHead): object {
  return { ...ordered(head), signature: head.signature };
}

/** Reads what {@link writeHead} wrote, to the letter; a line break may follow. @throws InvalidHead */
export function readHead(text: string): TreeHead {
  const line = text.replace(/\r?\n$/, '');
  const members = membersOf(jsonIn(line));
  const head = members && headIn(members);
  if (!head) {
    const format = typeof members?.['format'] === 'string' ? members['format'] : 'something else';
    throw new InvalidHead(
      format === FORMAT ? INCOMPLETE : `Expected the format ${FORMAT} and found ${format}.`,
    );
  }
  if (writeHead(head) !== line)
    throw new InvalidHead('A tree head must stand exactly as it was written: this one was edited.');
  return head;
}

const INCOMPLETE = 'A member of this tree head is missing, or is not what it should be.';

/** A head from members that were read from JSON; `undefined` when they are not those of a head. */
export function headIn(members: Members): TreeHead | undefined {
  const { format, ...others } = members;
  const { logId, sealedAt, previous, signature } = others;
  const head = others as unknown as TreeHead;
  const { sequence, epoch, fromSize, fromPosition, treeSize, position, root, lines, keys, keyId } = head;
  const complete =
    format === FORMAT &&
    typeof logId === 'string' &&
    areCounts(sequence, epoch, fromSize, fromPosition, treeSize, position) &&
    areHashes(root, lines, keys, keyId, ...(previous === null ? [] : [previous])) &&
    isInstant(sealedAt) &&
    isSignature(signature);
  return complete && fromSize < treeSize && fromPosition < position ? head : undefined;
}

/** How the next head and other files refer to a head: SHA-256 of its line, in hexadecimal. */
export function headHash(head: TreeHead): string {
  return hexOf(sha256(writeHead(head)));
}

function ordered(head: Omit<TreeHead, 'signature'>) {
  const { sequence, logId, epoch, fromSize, fromPosition, treeSize, position } = head;
  const { root, lines, sealedAt, previous, keys, keyId } = head;
  const covered = { sequence, logId, epoch, fromSize, fromPosition, treeSize, position };
  return { format: FORMAT, ...covered, root, lines, sealedAt, previous, keys, keyId };
}
