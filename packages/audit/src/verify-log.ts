import { createHash } from 'node:crypto';
import type { EventStore, LogIdentity } from '@backstory/core';
import { knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import type { TreeHead, Trust } from '@backstory/proof';
import { MerkleTree, hexOf } from '@backstory/proof/seal';
import { AuditFolder } from './audit-folder.js';
import { EventFindings } from './event-findings.js';
import type { Finding, SealFinding } from './finding.js';
import { inexactIn } from './exact-texts.js';
import { headProblem } from './head-problem.js';
import { headChain, type ChainLink } from './head-chain.js';
import { LineHasher } from './line-hasher.js';
import { addBlock, logLines } from './log-lines.js';
import { LogUnreadable, isDamage, type LogRange, type UnreadableEvent } from './log-reader.js';
import { logTexts } from './log-texts.js';
import { SegmentComparison } from './segment-comparison.js';
import { StoreFindings } from './store-findings.js';

/** What a log is held against. */
export interface VerifyOptions {
  /** Whose seals are believed: a key ring, or one key. A function is asked once the seals are known, so that it knows every key that has made one. */
  readonly trust: Trust | (() => Trust | Promise<Trust>);
  /** The audit folder. Without it damage is found and not located. */
  readonly folder?: string;
  /** Heads that were kept elsewhere. Only they show that a log, or its seals, end too early or were replaced as a whole. */
  readonly anchors?: readonly TreeHead[];
  /** The log was restored from a backup, and so has another identity than the one that was sealed. */
  readonly restored?: boolean;
  /** Details of so many events are kept; the others are counted. Default 10,000. */
  readonly maxFindings?: number;
  readonly signal?: AbortSignal;
  /** Called now and then with the position reached and the position to reach. */
  readonly onProgress?: (through: number, head: number) => void;
}

/** What was found. */
export interface Verification {
  /** Nothing that was sealed has changed, and everything else can be sealed. */
  readonly ok: boolean;
  readonly logId: string | null;
  /** The last position of the log. */
  readonly head: number | null;
  /** How many seals it was held against, how many events they cover, and up to which position. */
  readonly seals: number;
  readonly sealedEvents: number;
  readonly sealedPosition: number;
  readonly sealedAt: string | null;
  /** Every seal had its file, so that every event that is wrong is named. */
  readonly located: boolean;
  readonly anchors: number;
  /** How much is wrong; at least as many as there are details of. */
  readonly count: number;
  readonly findings: readonly Finding[];
  /** Seals of a key that was revoked later, which a later seal vouches for. */
  readonly vouched: readonly number[];
}

/**
 * Recomputes everything that was sealed and tells every difference. With the audit folder each event that was altered, is
 * missing, was inserted or moved is named; without it, between which positions something is wrong. What the store itself
 * cannot read any more is a finding like any other.
 */
export async function verifyLog(store: EventStore, options: VerifyOptions): Promise<Verification> {
  const { maxFindings = 10_000 } = knownOptions(options, OPTIONS);
  numberOption('maxFindings', maxFindings, 1, 1_000_000);
  return new Verifier(store, options, new EventFindings(maxFindings), new StoreFindings(maxFindings)).run();
}

const OPTIONS: OptionNames<VerifyOptions> = {
  trust: true,
  folder: true,
  anchors: true,
  restored: true,
  maxFindings: true,
  signal: true,
  onProgress: true,
};

class Verifier {
  private readonly hasher = new LineHasher();
  private readonly findings: SealFinding[] = [];
  private tree = new MerkleTree();
  /** Whether the tree is, so far, the one that was sealed. */
  private whole = true;

  constructor(
    private readonly store: EventStore,
    private readonly options: VerifyOptions,
    private readonly events: EventFindings,
    private readonly ofStore: StoreFindings,
  ) {}

  async run(): Promise<Verification> {
    const { trust, folder, anchors = [], signal } = this.options;
    const identity = await this.identity();
    const chain = await headChain({
      store: this.store,
      folder: folder === undefined ? undefined : new AuditFolder(folder),
      anchors,
      trust,
      logId: identity?.logId,
      signal,
    });
    const { links, vouched } = chain;
    // Looked at again: somebody may have sealed meanwhile.
    const now = identity && (await this.identity());
    this.findings.push(...chain.findings, ...this.ofTheLog(now, chain.logId, links.at(-1)?.head));
    await this.held(links, now);
    const details = this.events.result();
    const columns = this.ofStore.columnsWithout(details);
    const findings = toldOnce([...this.findings, ...this.ofStore.sentences]);
    const count = findings.length + this.events.count + columns.count;
    const found = { count, findings: [...findings, ...details, ...columns.findings], vouched };
    return { ok: count === 0, ...coverage(links), ...known(now), anchors: anchors.length, ...found };
  }

  private async identity() {
    try {
      return await this.store.identity();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.findings.push({ kind: 'unreadable-log', message: error.message });
      return undefined;
    }
  }

  /** A server examines itself while this process compares events. */
  private async held(links: readonly ChainLink[], log: LogIdentity | undefined): Promise<void> {
    const enough = new AbortController();
    const { signal = enough.signal } = this.options;
    const left = AbortSignal.any([signal, enough.signal]);
    const examined = log ? this.ofStore.gather(this.store, left) : Promise.resolve();
    examined.catch(() => undefined); // told below
    try {
      await this.compared(links, log);
      await this.orDamage(examined);
      signal.throwIfAborted();
    } finally {
      enough.abort();
      await this.hasher.close();
    }
  }

  private async compared(links: readonly ChainLink[], log: LogIdentity | undefined): Promise<void> {
    const sealed = links.at(-1)?.head.position ?? 0;
    try {
      for (const link of links) await this.segment(link, sealed);
      if (log && headProblem(log) === undefined) await this.unsealed({ after: sealed, upTo: log.head });
    } catch (error) {
      if (!(error instanceof LogUnreadable)) throw error;
      this.findings.push({ kind: 'unreadable-log', message: error.message });
    }
  }

  /** What is not sealed yet was never held against anything; what cannot be read of it ends all sealing. */
  private async unsealed(range: LogRange): Promise<void> {
    const { signal } = this.options;
    for await (const part of logTexts(this.store, range, { size: 0, signal, tolerant: true }))
      for (const { position, message } of 'message' in part ? [part] : inexactIn(part))
        this.events.unreadable(position, null, `${message.replace(/\.?$/, '.')} ${UNSEALED}`);
  }

  private async orDamage(examined: Promise<unknown>): Promise<void> {
    try {
      await examined;
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.findings.push({ kind: 'store', message: error.message });
    }
  }

  private *ofTheLog(
    identity: { readonly logId: string; readonly head: number } | undefined,
    sealed: string | undefined,
    last: TreeHead | undefined,
  ): Generator<SealFinding, void> {
    const problem = identity && headProblem(identity);
    if (problem !== undefined) yield { kind: 'store', message: problem };
    if (!last || sealed === undefined) yield { kind: 'never-sealed' };
    if (!last || sealed === undefined || !identity) return;
    const { logId, head } = identity;
    if (sealed !== logId && !this.options.restored) yield { kind: 'other-log', sealed, found: logId };
    if (last.position > head)
      yield { kind: 'truncated', sequence: last.sequence, position: last.position, head };
  }

  private async segment({ head, file }: ChainLink, goal: number): Promise<void> {
    // Where a seal is lacking before this one its tree cannot be known.
    if (this.tree.size !== head.fromSize) this.whole = false;
    if (file) await this.compare({ head, file }, goal);
    else await this.recompute(head, goal);
    if (file && !this.whole) this.goOnFrom(file);
  }

  private async compare({ head, file }: SealedLink, goal: number): Promise<void> {
    const before = this.events.mark();
    const tree = MerkleTree.from(this.tree.size, this.tree.peaks);
    const lines = await file.lines();
    try {
      const comparison = new SegmentComparison(lines, this.tree, this.events);
      for await (const part of this.parts(head, goal)) await comparison.add(part);
      await comparison.end();
      const sums = (await lines.hash()) === head.lines && !comparison.damaged && endsWell(file);
      const rooted = !this.whole || hexOf(this.tree.root()) === head.root;
      if (!(sums && rooted)) {
        const blameless = await this.isSealed(head, tree, { goal });
        if (blameless) this.events.backTo(before);
        const problem = blameless ? 'file' : 'altered';
        this.findings.push({ kind: 'seal', sequence: head.sequence, problem, place: file.file });
        if (blameless) this.tree = tree;
        else this.whole = false;
      }
    } finally {
      await lines.close();
    }
  }

  private async recompute(head: TreeHead, goal: number): Promise<void> {
    const unreadable = (part: UnreadableEvent) => this.events.unreadable(part.position, null, part.message);
    if (await this.isSealed(head, this.tree, { goal, unreadable })) return;
    const { sequence, fromPosition, position } = head;
    this.findings.push({ kind: 'segment', sequence, after: fromPosition, upTo: position });
    this.whole = false;
  }

  /** Adds to a tree what the log says up to a head, and tells whether it is what the head signed. */
  private async isSealed(
    head: TreeHead,
    tree: MerkleTree,
    { goal, unreadable }: { readonly goal: number; readonly unreadable?: (part: UnreadableEvent) => void },
  ): Promise<boolean> {
    const sum = createHash('sha256');
    for await (const part of this.parts(head, goal)) {
      if ('message' in part) unreadable?.(part);
      else {
        sum.update(part.lines);
        addBlock(tree, part);
      }
    }
    const rooted = !this.whole || hexOf(tree.root()) === head.root;
    return rooted && sum.digest('hex') === head.lines;
  }

  private async *parts({ fromPosition, position }: TreeHead, goal: number) {
    const { signal, onProgress } = this.options;
    const range = { after: fromPosition, upTo: position };
    const reading = { hasher: this.hasher, size: this.tree.size, signal, tolerant: true };
    for await (const part of logLines(this.store, range, reading)) {
      signal?.throwIfAborted();
      yield part;
      onProgress?.(part.position, goal);
    }
  }

  /** A seal says what its tree is, and its head is signed: what follows can be checked whatever was wrong before. */
  private goOnFrom(file: NonNullable<ChainLink['file']>): void {
    if (!endsWell(file)) return;
    this.tree = file.tree();
    this.whole = true;
  }
}

const UNSEALED =
  'It is not sealed yet, and neither it nor what follows can be: put it back as it was recorded, from a backup.';

/** What a store fails with it says whatever it is asked for. */
function toldOnce(findings: readonly SealFinding[]): readonly SealFinding[] {
  const messages = findings.map((it) => ('message' in it ? it.message : undefined));
  return findings.filter((_, i) => messages[i] === undefined || messages.indexOf(messages[i]) === i);
}

function endsWell(file: SealedLink['file']): boolean {
  try {
    return file.tree().size > 0;
  } catch {
    return false;
  }
}

type SealedLink = ChainLink & { readonly file: NonNullable<ChainLink['file']> };

function coverage(links: readonly ChainLink[]) {
  const last = links.at(-1)?.head;
  return {
    seals: links.length,
    sealedEvents: last?.treeSize ?? 0,
    sealedPosition: last?.position ?? 0,
    sealedAt: last?.sealedAt ?? null,
    located: links.length > 0 && links.every(({ file }) => file !== undefined),
  };
}

function known(identity: { readonly logId: string; readonly head: number } | undefined) {
  return { logId: identity?.logId ?? null, head: identity?.head ?? null };
}
