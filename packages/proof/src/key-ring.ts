import type { KeyObject } from 'node:crypto';
import { hexOf, sha256 } from './digest.js';
import { InvalidKeyRing, type HeadProblem } from './errors.js';
import { isSigned, keyIdOf, publicKeyIn, publicKeyText, type SigningKey } from './signing-key.js';
import { readStatement, statementText, writeStatement, type KeyStatement } from './key-statement.js';
import { signedText, type TreeHead, type Trust } from './tree-head.js';

/** A key of a ring and what became of it. */
export interface RingKey {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly status: 'in-force' | 'retired' | 'revoked';
  readonly addedAt: string;
  /** When it was retired or revoked. */
  readonly endedAt: string | null;
  readonly reason: string | null;
  /** Of a retired key: the last seal it signed. */
  readonly lastSeal: number | null;
}

/** What a statement says, before it has its place in a ring. */
export type KeyChange =
  | { readonly action: 'add'; readonly publicKey: KeyObject; readonly reason?: string }
  | { readonly action: 'retire'; readonly keyId: string; readonly lastSeal: number; readonly reason?: string }
  | { readonly action: 'revoke'; readonly keyId: string; readonly reason?: string };

/**
 * The keys that may sign seals, as a chain of signed statements, format version 1: one line of JSON each, never changed, only
 * added to. The first key signs itself; after that a statement counts when a key in force has signed it.
 *
 * | a key that is | may sign |
 * |---|---|
 * | in force | seals and statements |
 * | retired | nothing any more; its seals up to `lastSeal` stay good |
 * | revoked | nothing, and nothing it signed is believed for its own sake |
 */
export class KeyRing implements Trust {
  private readonly byId = new Map<string, Entry>();
  private readonly hashes: string[] = [];

  private constructor(private readonly statements: readonly KeyStatement[]) {
    for (const statement of statements) this.accept(statement);
  }

  /** A ring with one key, which signs itself. */
  static begin(key: SigningKey, at: Date): KeyRing {
    return new KeyRing([]).with({ action: 'add', publicKey: key.publicKey }, key, at);
  }

  /** @throws InvalidKeyRing */
  static read(text: string): KeyRing {
    const lines = text.split('\n');
    if (lines.pop() !== '' || lines.length === 0) throw new InvalidKeyRing(lines.length + 1, 'is cut off.');
    return new KeyRing(lines.map((line, i) => readStatement(line, i + 1)));
  }

  /** The lines of its file. */
  write(): string {
    return this.statements.map((statement) => `${writeStatement(statement)}\n`).join('');
  }

  /** The ring with one more statement, signed by a key in force. @throws InvalidKeyRing */
  with(change: KeyChange, signer: SigningKey, at: Date): KeyRing {
    const keyId = change.action === 'add' ? keyIdOf(change.publicKey) : change.keyId;
    const unsigned = {
      sequence: this.statements.length + 1,
      action: change.action,
      keyId,
      publicKey: change.action === 'add' ? publicKeyText(change.publicKey) : null,
      lastSeal: change.action === 'retire' ? change.lastSeal : null,
      at: at.toISOString(),
      reason: change.reason ?? null,
      previous: this.hashes.at(-1) ?? null,
      signedBy: signer.keyId,
    };
    return new KeyRing([
      ...this.statements,
      { ...unsigned, signature: signer.sign(statementText(unsigned)) },
    ]);
  }

  /** SHA-256 of the last statement's line, in hexadecimal: which state of the ring this is. */
  get hash(): string {
    return this.hashes.at(-1)!;
  }

  /** Its keys, in the order in which they were added. */
  get keys(): readonly RingKey[] {
    return [...this.byId.values()].map(({ key }) => key);
  }

  /** Whether this ring begins with everything that the other one says. */
  continues(other: KeyRing): boolean {
    return this.write().startsWith(other.write());
  }

  judge(head: TreeHead): HeadProblem | undefined {
    const entry = this.byId.get(head.keyId);
    if (!entry) return 'unknown-key';
    if (!isSigned(signedText(head), head.signature, entry.key.publicKey)) return 'signature';
    const state = this.hashes.indexOf(head.keys) + 1;
    if (state === 0) return 'unknown-ring';
    if (entry.addedBy > state) return 'key-not-yet-added';
    if (entry.key.status === 'revoked') return 'revoked-key';
    return entry.key.lastSeal !== null && head.sequence > entry.key.lastSeal ? 'retired-key' : undefined;
  }

  private accept(statement: KeyStatement): void {
    const { sequence, previous, signedBy, signature } = statement;
    const place = this.hashes.length + 1;
    const refuse = (message: string): never => {
      throw new InvalidKeyRing(place, message);
    };
    if (sequence !== place || previous !== (this.hashes.at(-1) ?? null))
      refuse('does not follow the one before it: one was taken out or put in.');
    const added = statement.publicKey === null ? undefined : publicKeyIn(statement.publicKey);
    const signer = place === 1 && signedBy === statement.keyId ? added : this.keyInForce(signedBy);
    if (!signer) return refuse('is signed by a key that was not in force.');
    if (!isSigned(statementText(statement), signature, signer))
      refuse('was altered: its signature is wrong.');
    if (statement.action === 'add') this.add(statement, added, refuse);
    else this.end(statement, refuse);
    this.hashes.push(hexOf(sha256(writeStatement(statement))));
  }

  private add(statement: KeyStatement, publicKey: KeyObject | undefined, refuse: Refuse): void {
    const { keyId, at, sequence } = statement;
    if (!publicKey || keyIdOf(publicKey) !== keyId) return refuse('adds a key that is not the one it names.');
    if (this.byId.has(keyId)) refuse('adds a key that was there before.');
    const key: RingKey = {
      keyId,
      publicKey,
      status: 'in-force',
      addedAt: at,
      endedAt: null,
      reason: null,
      lastSeal: null,
    };
    this.byId.set(keyId, { key, addedBy: sequence });
  }

  /** A key that was retired may still turn out to have been stolen. */
  private end({ action, keyId, at, reason, lastSeal }: KeyStatement, refuse: Refuse): void {
    const entry = this.byId.get(keyId);
    const mayEnd = action === 'revoke' ? ['in-force', 'retired'] : ['in-force'];
    if (!entry || !mayEnd.includes(entry.key.status)) return refuse(`${action}s a key that is not in force.`);
    const status = action === 'retire' ? 'retired' : 'revoked';
    this.byId.set(keyId, { ...entry, key: { ...entry.key, status, endedAt: at, reason, lastSeal } });
  }

  private keyInForce(keyId: string): KeyObject | undefined {
    const key = this.byId.get(keyId)?.key;
    return key?.status === 'in-force' ? key.publicKey : undefined;
  }
}

interface Entry {
  readonly key: RingKey;
  /** The statement that added it. */
  readonly addedBy: number;
}

type Refuse = (message: string) => never;
