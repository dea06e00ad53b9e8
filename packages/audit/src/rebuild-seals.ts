import type { EventStore, LogIdentity } from '@backstory/core';
import { HEAD_PROBLEMS, headHash, type KeyRing, type TreeHead } from '@backstory/proof';
import { MerkleTree } from '@backstory/proof/seal';
import type { AuditFolder } from './audit-folder.js';
import { SealDiverged } from './errors.js';
import { judgeHeads } from './head-chain.js';
import { lastRecorded, recordedHeads } from './recorded-heads.js';
import { SealDraft, dropDraft } from './seal-draft.js';
import type { SealFile } from './seal-file.js';
import { writeLines } from './write-lines.js';

/** What is needed to make seals again. */
export interface RebuildOptions {
  readonly folder: AuditFolder;
  readonly ring: KeyRing;
  readonly identity: LogIdentity;
  readonly signal: AbortSignal;
  readonly onProgress?: (through: number, head: number) => void;
}

/**
 * Makes seals that are recorded in the log and missing in the folder, from the log: it must lead to the very roots that were
 * signed. A folder that was lost, or is on another machine, is whole again after it.
 *
 * @throws SealDiverged
 */
export async function rebuildSeals(store: EventStore, options: RebuildOptions): Promise<readonly number[]> {
  const { folder, identity, ring, signal } = options;
  const there = new Set(await folder.sequences());
  const recorded = await lastRecorded(store, identity.logId);
  if (!recorded || isComplete(there, recorded.sequence)) return [];
  await dropDraft(folder);
  const heads = (await recordedHeads(store, signal)).flatMap(({ head }) =>
    head?.logId === identity.logId ? head : [],
  );
  const { problems } = judgeHeads(heads, ring);
  const rebuilt: number[] = [];
  for (const head of heads.filter(({ sequence }) => !there.has(sequence))) {
    const problem = problems.get(head.sequence);
    if (problem) throw new SealDiverged(head.sequence, HEAD_PROBLEMS[problem].replace(/\.$/, ''));
    const last = head.sequence === 1 ? undefined : await folder.seal(head.sequence - 1);
    await rebuild(store, { head, last }, options);
    rebuilt.push(head.sequence);
  }
  return rebuilt;
}

function isComplete(there: ReadonlySet<number>, last: number): boolean {
  for (let sequence = last; sequence > 0; sequence--) if (!there.has(sequence)) return false;
  return true;
}

async function rebuild(
  store: EventStore,
  { head, last }: { readonly head: TreeHead; readonly last: SealFile | undefined },
  { folder, signal, onProgress }: RebuildOptions,
): Promise<void> {
  const refuse = (reason: string): never => {
    throw new SealDiverged(head.sequence, reason);
  };
  if (head.previous !== (last ? headHash(last.head) : null)) refuse('it does not follow the seal before it');
  const { logId, sequence, fromSize, fromPosition } = head;
  const draft = await SealDraft.open(
    folder,
    { logId, sequence, fromSize, fromPosition },
    last?.tree() ?? new MerkleTree(),
  );
  try {
    const watched = { signal, ...(onProgress && { onProgress }) };
    await writeLines(store, draft, { upTo: head.position, exact: false, ...watched });
    if (draft.root() !== head.root || draft.linesHash() !== head.lines)
      refuse('what is in the log up to there is not what was sealed');
    await draft.finish(head);
  } finally {
    await draft.close();
  }
  await folder.publish(head);
}
