import type { EventStore, LogIdentity, StateStore } from '@backstory/core';
import { StoreUnusable, VersionConflict } from '@backstory/core';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { HEAD_PROBLEMS, headHash, type KeyRing, type SigningKey, type TreeHead } from '@backstory/proof';
import { MerkleTree, signHead } from '@backstory/proof/seal';
import { AuditFolder } from './audit-folder.js';
import { SealDiverged, SealerBusy } from './errors.js';
import { headProblem } from './head-problem.js';
import { isLineAt } from './log-lines.js';
import { writeLines } from './write-lines.js';
import { AUDIT_STREAM, auditVersion, lastRecorded, recordHead } from './recorded-heads.js';
import { rebuildSeals } from './rebuild-seals.js';
import { requireInForce } from './require-in-force.js';
import { asSealer } from './sealer-lease.js';
import { SealDraft, dropDraft, signedDraft } from './seal-draft.js';
import type { SealFile } from './seal-file.js';
import { headerOfLine } from './seal-format.js';
import { linesOfLog } from './sealed-lines.js';

/** A log that is sealed, and where the right to seal it is kept. */
export interface SealSource {
  readonly events: EventStore;
  readonly state: StateStore;
}

/** How a log is sealed. */
export interface SealOptions {
  /** The audit folder: keys, seals and the last head. */
  readonly folder: string;
  /** A key that is in force in the folder's key ring. */
  readonly key: SigningKey;
  /** Who asked for it; recorded with the seal. */
  readonly actor?: string;
  /** Stops it. The next time begins again after the last seal. */
  readonly signal?: AbortSignal;
  /** Called now and then with the position reached and the position to reach. */
  readonly onProgress?: (through: number, head: number) => void;
}

/** What sealing did. */
export interface SealResult {
  /** The last seal, whether it is a new one or not; `undefined` when the log is empty. */
  readonly head: TreeHead | undefined;
  /** How many events are newly covered; 0 when there was nothing to seal. */
  readonly sealed: number;
  /** Seals that were in the log and not in the folder, and were made again. */
  readonly rebuilt: readonly number[];
}

/**
 * Seals everything that was recorded up to now: hashes it into the tree, signs the new head, writes a seal file and records the
 * head on a system stream. Only what follows the last seal is read. One process seals a log at a time; others append meanwhile.
 *
 * @throws SealerBusy, SealDiverged, KeyNotInForce, AuditFolderIncomplete, AuditFileDamaged, AuditFileUnwritable
 * @throws StoreUnusable where the log ends at what is no position
 */
export async function sealLog(source: SealSource, options: SealOptions): Promise<SealResult> {
  knownOptions(options, OPTIONS);
  return asSealer(source.state, (held) => {
    const signal = options.signal ? AbortSignal.any([options.signal, held]) : held;
    return new Sealer(source.events, { ...options, signal }).run();
  });
}

const OPTIONS: OptionNames<SealOptions> = {
  folder: true,
  key: true,
  actor: true,
  signal: true,
  onProgress: true,
};

class Sealer {
  private readonly folder: AuditFolder;

  constructor(
    private readonly store: EventStore,
    private readonly options: SealOptions & { readonly signal: AbortSignal },
  ) {
    this.folder = new AuditFolder(options.folder);
  }

  async run(): Promise<SealResult> {
    const ring = await this.folder.keys();
    requireInForce(ring, this.options.key.keyId);
    await this.finishSigned(await this.identity(), ring);
    const identity = await this.identity();
    const rebuilt = await rebuildSeals(this.store, { ...this.options, folder: this.folder, ring, identity });
    const last = await this.folder.last();
    await this.requireContinuation(last, identity);
    requireBelieved(last, ring);
    await this.requireNoLaterHead(last, { logId: identity.logId, ring });
    const made = await this.sealAfter(last, ring, identity);
    const head = made ?? last?.head;
    if (head) await this.folder.writeHead(head);
    return { head, sealed: made ? made.treeSize - made.fromSize : 0, rebuilt };
  }

  private async identity(): Promise<LogIdentity> {
    const identity = await this.store.identity();
    const problem = headProblem(identity);
    if (problem !== undefined)
      throw new StoreUnusable('The log', 'corrupt', `${problem}: run "backstory audit verify".`);
    return identity;
  }

  /** A seal that was signed before somebody stopped is recorded and published as it is: a head is signed once. */
  private async finishSigned({ logId }: LogIdentity, ring: KeyRing): Promise<void> {
    const signed = await signedDraft(this.folder);
    if (!signed || signed.head.logId !== logId) return;
    const { head } = signed;
    const recorded = await lastRecorded(this.store, logId);
    const isRecorded = recorded !== undefined && headHash(recorded) === headHash(head);
    const problem = ring.judge(head);
    // What was recorded before its key was revoked is needed: the next seal vouches for it.
    if (problem && !(problem === 'revoked-key' && isRecorded)) return;
    if (!recorded || recorded.sequence < head.sequence) await this.record(head);
    // A folder that was copied while a seal was published has it twice.
    else if (!isRecorded || (await this.folder.sequences()).includes(head.sequence))
      return dropDraft(this.folder);
    await this.folder.publish(head);
  }

  private async requireContinuation(last: SealFile | undefined, identity: LogIdentity): Promise<void> {
    if (!last) return;
    const recorded = await lastRecorded(this.store, identity.logId);
    const { sequence, logId, position } = last.head;
    const refuse = (reason: string) => {
      throw new SealDiverged(sequence, reason);
    };
    if (logId !== identity.logId) refuse(`it is log ${identity.logId}, and ${logId} was sealed`);
    if (!recorded || headHash(recorded) !== headHash(last.head))
      refuse('its head is not the last one recorded in the log');
    if (!(await isLineAt(this.store, position, last.lastLine)))
      refuse(`the event at position ${position} is not the one that was sealed`);
  }

  /** The head that is kept would be written over by one that comes before it. */
  private async requireNoLaterHead(
    last: SealFile | undefined,
    { logId, ring }: { readonly logId: string; readonly ring: KeyRing },
  ): Promise<void> {
    const kept = await this.folder.head().catch(() => undefined);
    if (kept?.logId !== logId || ring.judge(kept) !== undefined) return;
    if (kept.sequence <= (last?.head.sequence ?? 0)) return;
    throw new SealDiverged(kept.sequence, 'head.json has it, and neither the seals nor the log do');
  }

  private async sealAfter(
    last: SealFile | undefined,
    ring: KeyRing,
    identity: LogIdentity,
  ): Promise<TreeHead | undefined> {
    const { treeSize, position, sequence } = last?.head ?? NOTHING_SEALED;
    // Until a head names the last statement of the ring, somebody could take that statement out unnoticed.
    const sameRing = !last || last.head.keys === ring.hash;
    if (sameRing && !(await this.hasNews(position, identity.head))) return undefined;
    const tree = last?.tree() ?? new MerkleTree();
    const from = { sequence: sequence + 1, fromSize: treeSize, fromPosition: position };
    const draft = await SealDraft.open(this.folder, { logId: identity.logId, ...from }, tree);
    try {
      await writeLines(this.store, draft, { upTo: identity.head, exact: true, ...this.options });
      const head = this.sign(draft, { ...from, ...epochOf(identity) }, { last, ring: await this.ringNow() });
      await draft.finish(head);
      await requireInPlace(draft);
      await this.record(head);
      await requireInPlace(draft);
      await this.folder.publish(head);
      return head;
    } finally {
      await draft.close();
    }
  }

  /** A key may have been revoked while the log was read. */
  private async ringNow(): Promise<KeyRing> {
    const ring = await this.folder.keys();
    requireInForce(ring, this.options.key.keyId);
    return ring;
  }

  /** Whether anything but seals was recorded since: a seal that is sealed for its own sake would never end. */
  private async hasNews(after: number, upTo: number): Promise<boolean> {
    for await (const line of linesOfLog(this.store, { after, upTo })) {
      this.options.signal.throwIfAborted();
      if (headerOfLine(line)?.stream !== AUDIT_STREAM) return true;
    }
    return false;
  }

  private sign(
    draft: SealDraft,
    from: Pick<TreeHead, 'logId' | 'epoch' | 'sequence' | 'fromSize' | 'fromPosition'>,
    { last, ring }: { readonly last: SealFile | undefined; readonly ring: KeyRing },
  ): TreeHead {
    const { tree, position } = draft;
    const reached = { treeSize: tree.size, position, root: draft.root(), lines: draft.linesHash() };
    const chain = { previous: last ? headHash(last.head) : null, keys: ring.hash };
    return signHead({ ...from, ...reached, sealedAt: new Date().toISOString(), ...chain }, this.options.key);
  }

  private async record(head: TreeHead): Promise<void> {
    const { actor, signal } = this.options;
    signal.throwIfAborted();
    const expected = await auditVersion(this.store);
    const recorded = await lastRecorded(this.store, head.logId);
    if ((recorded ? headHash(recorded) : null) !== head.previous)
      throw new SealDiverged(head.sequence - 1, 'the last seal recorded in the log is another one');
    try {
      await recordHead(this.store, head, { expected, actor });
    } catch (error) {
      if (error instanceof VersionConflict) throw new SealerBusy();
      throw error;
    }
  }
}

const NOTHING_SEALED = { treeSize: 0, position: 0, sequence: 0 };

/** Whoever was stopped for so long that another went on must not publish what that one is writing. @throws SealerBusy */
async function requireInPlace(draft: SealDraft): Promise<void> {
  if (!(await draft.isInPlace())) throw new SealerBusy();
}

/** A head of a revoked key is vouched for by the next one. A ring that was shortened would not know the last head. */
function requireBelieved(last: SealFile | undefined, ring: KeyRing): void {
  const problem = last && ring.judge(last.head);
  if (problem && problem !== 'revoked-key')
    throw new SealDiverged(last.head.sequence, HEAD_PROBLEMS[problem].replace(/\.$/, ''));
}

function epochOf({ logId, epoch }: LogIdentity) {
  return { logId, epoch };
}
