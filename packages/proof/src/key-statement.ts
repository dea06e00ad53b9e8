import { InvalidKeyRing } from './errors.js';
import { areCounts, areHashes, isInstant, isSignature, jsonIn, membersOf } from './exact-json.js';

const FORMAT = 'backstory.keys/1';

/** One line of a key ring. */
export interface KeyStatement {
  /** 1, 2, 3 … */
  readonly sequence: number;
  readonly action: 'add' | 'retire' | 'revoke';
  readonly keyId: string;
  /** Of an added key: SPKI in base64. */
  readonly publicKey: string | null;
  /** Of a retired key: the last seal that it signed. */
  readonly lastSeal: number | null;
  readonly at: string;
  readonly reason: string | null;
  /** SHA-256 of the line before, null for the first. */
  readonly previous: string | null;
  readonly signedBy: string;
  readonly signature: string;
}

/** One line of JSON. */
export function writeStatement(statement: KeyStatement): string {
  return JSON.stringify({ ...ordered(statement), signature: statement.signature });
}

/** The text that is signed: the line without its signature. */
export function statementText(statement: Omit<KeyStatement, 'signature'>): string {
  return JSON.stringify(ordered(statement));
}

/** Reads what {@link writeStatement} wrote, to the letter. @throws InvalidKeyRing */
export function readStatement(line: string, place: number): KeyStatement {
  const members = membersOf(jsonIn(line));
  if (members?.['format'] !== FORMAT) throw new InvalidKeyRing(place, `is not of the format ${FORMAT}.`);
  const statement = members as unknown as KeyStatement;
  const { sequence, action, keyId, publicKey, lastSeal, at, reason, previous, signedBy, signature } =
    statement;
  const complete =
    areCounts(sequence) &&
    ['add', 'retire', 'revoke'].includes(action) &&
    areHashes(keyId, signedBy, ...(previous === null ? [] : [previous])) &&
    (action === 'add' ? typeof publicKey === 'string' : publicKey === null) &&
    (action === 'retire' ? areCounts(lastSeal) : lastSeal === null) &&
    (reason === null || typeof reason === 'string') &&
    isInstant(at) &&
    isSignature(signature);
  if (!complete || writeStatement(statement) !== line) throw new InvalidKeyRing(place, 'was edited.');
  return statement;
}

function ordered(statement: Omit<KeyStatement, 'signature'>) {
  const { sequence, action, keyId, publicKey, lastSeal, at, reason, previous, signedBy } = statement;
  return {
    format: FORMAT,
    sequence,
    action,
    keyId,
    publicKey,
    lastSeal,
    at,
    reason,
    previous,
    signedBy,
  };
}
