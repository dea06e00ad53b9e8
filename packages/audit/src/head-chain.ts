import type { EventStore } from '@backstory/core';
import { headHash, type HeadProblem, type TreeHead, type Trust } from '@backstory/proof';
import type { AuditFolder } from './audit-folder.js';
import { AuditFileDamaged } from './errors.js';
import type { SealFinding, SealProblem } from './finding.js';
import { isDamage } from './log-reader.js';
import { recordedHeads, type RecordedHead } from './recorded-heads.js';
import type { SealFile } from './seal-file.js';

/** A seal that the log is held against. */
export interface ChainLink {
  readonly head: TreeHead;
  /** Where its lines are; without it damage is found and not located. */
  readonly file: SealFile | undefined;
}

/** The seals of a log, from wherever they are known, and what is wrong with them. */
export interface HeadChain {
  readonly logId: string | undefined;
  readonly links: readonly ChainLink[];
  readonly findings: readonly SealFinding[];
  /** Seals of a key that was revoked later, which a later seal by another key vouches for. */
  readonly vouched: readonly number[];
}

/** Where heads are looked for. */
export interface HeadSources {
  readonly store: EventStore;
  readonly folder: AuditFolder | undefined;
  readonly anchors: readonly TreeHead[];
  readonly trust: Trust | (() => Trust | Promise<Trust>);
  /** The log that is looked at; `undefined` when it cannot say. */
  readonly logId: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Gathers the heads of a log from its seals, the log itself and anchors, and checks that they are one chain that is signed. */
export async function headChain(sources: HeadSources): Promise<HeadChain> {
  // First, and the log last: of a seal that is made meanwhile nothing is then looked for that was not there yet.
  const kept = await keptHead(sources.folder);
  const files = await sealFiles(sources.folder);
  const recorded = await recordedOrNone(sources);
  // After the seals: one of them may be by a key that was added a moment ago.
  const trust = typeof sources.trust === 'function' ? await sources.trust() : sources.trust;
  const logId = chainOf(files.seals, recorded.heads, { ...sources, trust });
  const ofThisLog = recorded.heads.filter(({ head }) => head === undefined || head.logId === logId);
  const anchors = sources.anchors.filter((head) => head.logId === logId);
  const own = files.seals.filter(({ head }) => head.logId === logId);
  const last = kept.head?.logId === logId ? kept.head : undefined;
  const gathered = gather(own, ofThisLog, { anchors, last, trust });
  const { links } = gathered;
  const judged = judgeHeads(
    links.map(({ head }) => head),
    trust,
  );
  const findings = [
    ...files.findings,
    ...recorded.findings,
    ...gathered.findings,
    ...kept.findings,
    ...files.seals.flatMap((it) => (own.includes(it) ? [] : seal(it.head.sequence, 'foreign', it.file))),
    ...sources.anchors.flatMap((head) =>
      anchors.includes(head) ? [] : seal(head.sequence, 'foreign', head.logId),
    ),
    ...gaps(links),
    ...[...judged.problems].map(([sequence, problem]) => seal(sequence, problem, null)),
  ];
  return { logId, links, findings, vouched: judged.vouched };
}

async function sealFiles(folder: AuditFolder | undefined) {
  const seals: SealFile[] = [];
  const misnamed = (await folder?.misnamed()) ?? [];
  const findings: SealFinding[] = misnamed.map((file) => seal(null, 'misnamed', file));
  for (const sequence of (await folder?.sequences()) ?? []) {
    try {
      seals.push(await folder!.seal(sequence));
    } catch (error) {
      if (!(error instanceof AuditFileDamaged)) throw error;
      findings.push(seal(sequence, 'damaged', error.file));
    }
  }
  return { seals, findings };
}

/** What the folder says is the last head: somebody may have taken away the seal itself, and its record. */
async function keptHead(folder: AuditFolder | undefined) {
  try {
    return { head: await folder?.head(), findings: [] };
  } catch (error) {
    if (!(error instanceof AuditFileDamaged)) throw error;
    return { head: undefined, findings: [seal(null, 'no-head', error.file)] };
  }
}

/** A log that cannot be read as a stream can still be compared. */
async function recordedOrNone({ store, signal }: HeadSources) {
  try {
    return { heads: await recordedHeads(store, signal), findings: [] };
  } catch (error) {
    signal?.throwIfAborted();
    if (!isDamage(error)) throw error;
    return { heads: [], findings: [{ kind: 'unreadable-log', message: error.message } as const] };
  }
}

/** Whose seals these are: what is outside the log counts more than what is in it. */
function chainOf(
  seals: readonly SealFile[],
  recorded: readonly RecordedHead[],
  { anchors, logId, trust }: HeadSources & { readonly trust: Trust },
): string | undefined {
  // A seal of another log that lies beside them, or was put there, does not make it that one's.
  const isOwn = (head: TreeHead) => head.logId === logId && trust.judge(head) === undefined;
  if ([...seals.map(({ head }) => head), ...anchors].some(isOwn)) return logId;
  const outside = seals.at(-1)?.head.logId ?? anchors.at(-1)?.logId;
  if (outside !== undefined) return outside;
  const inside = recorded.map(({ head }) => head?.logId).filter((it) => it !== undefined);
  return logId !== undefined && inside.includes(logId) ? logId : inside.at(-1);
}

function gather(
  seals: readonly SealFile[],
  recorded: readonly RecordedHead[],
  {
    anchors,
    last,
    trust,
  }: { readonly anchors: readonly TreeHead[]; readonly last: TreeHead | undefined; readonly trust: Trust },
): { readonly links: readonly ChainLink[]; readonly findings: readonly SealFinding[] } {
  const links = new Map<number, ChainLink>();
  const findings: SealFinding[] = [];
  for (const file of seals) links.set(file.head.sequence, { head: file.head, file });
  const add = (head: TreeHead, place: string) => {
    const known = links.get(head.sequence);
    const problem = known || place === 'anchor' ? undefined : trust.judge(head);
    // Anybody may have written it there, as many as they like. One of a revoked key may be vouched for by another.
    if (problem && problem !== 'revoked-key') findings.push(seal(head.sequence, problem, place));
    else if (!known) links.set(head.sequence, { head, file: undefined });
    else if (headHash(known.head) !== headHash(head)) findings.push(seal(head.sequence, 'replaced', place));
  };
  for (const { head, position } of recorded) {
    if (head) add(head, `position ${position}`);
    else findings.push(seal(null, 'no-head', `position ${position}`));
  }
  const inLog = new Set(recorded.map(({ head }) => head?.sequence));
  for (const head of anchors) add(head, 'anchor');
  if (last) add(last, 'head.json');
  for (const { head } of links.values())
    if (!inLog.has(head.sequence)) findings.push(seal(head.sequence, 'unrecorded', null));
  return { links: [...links.values()].sort((a, b) => a.head.sequence - b.head.sequence), findings };
}

/** Every seal names the one before it, and begins where that one ends. */
function gaps(links: readonly ChainLink[]): readonly SealFinding[] {
  const findings: SealFinding[] = [];
  let before: TreeHead | undefined;
  for (const { head } of links) {
    const lacking = (before?.sequence ?? 0) + 1;
    // One finding, however many a number that somebody made up leaves out.
    if (lacking < head.sequence) {
      const last = head.sequence - 1;
      findings.push(seal(lacking, 'missing', lacking === last ? null : `to seal ${last}`));
    }
    const adjacent = head.sequence === (before?.sequence ?? 0) + 1;
    const { treeSize = 0, position = 0 } = before ?? {};
    const follows = head.fromSize === treeSize && head.fromPosition === position;
    const names =
      head.previous === (before ? headHash(before) : null) && (before?.logId ?? head.logId) === head.logId;
    if (adjacent && !(follows && names)) findings.push(seal(head.sequence, 'chain', null));
    before = head;
  }
  return findings;
}

/** What is wrong with the signatures of a chain, by sequence; and which are of a revoked key and vouched for by a later one. */
export function judgeHeads(
  heads: readonly TreeHead[],
  trust: Trust,
): { readonly problems: ReadonlyMap<number, HeadProblem>; readonly vouched: readonly number[] } {
  const problems: (readonly [number, HeadProblem])[] = [];
  const vouched: number[] = [];
  let after: TreeHead | undefined;
  for (const head of heads.toReversed()) {
    const problem = trust.judge(head);
    // The head after it, which is believed, contains its hash.
    const linked = after?.previous === headHash(head);
    if (problem === 'revoked-key' && linked) vouched.unshift(head.sequence);
    else if (problem) problems.unshift([head.sequence, problem]);
    after = problem === undefined || (problem === 'revoked-key' && linked) ? head : undefined;
  }
  return { problems: new Map(problems), vouched };
}

function seal(
  sequence: number | null,
  problem: SealProblem | HeadProblem,
  place: string | null,
): SealFinding {
  return { kind: 'seal', sequence, problem, place };
}
