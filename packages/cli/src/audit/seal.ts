import os from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { sealLog, type SealResult } from '@backstory/audit';
import type { OpenStorage } from '@backstory/core';
import { counted } from '../counted.js';
import { failureOf } from '../failure.js';
import type { Paper } from '../paper.js';
import { progressOn } from '../progress.js';
import type { AuditCall } from './audit-call.js';

/** `audit seal`: once, or every so often until Ctrl-C. */
export async function seal(audit: AuditCall): Promise<void> {
  const { call, options } = audit;
  call.io.yieldToOthers?.();
  await audit.withStorage({ readOnly: false }, async (storage) => {
    if (options.every === undefined) {
      const result = await sealOnce(audit, storage);
      return call.report.answer(result, (paper) => sealLines(result, audit, paper));
    }
    do await sealNext(audit, storage);
    while (await pause(options.every, call.io.signal));
  });
}

/** One of many: what passes by itself is said, and does not end them. */
async function sealNext(audit: AuditCall, storage: OpenStorage): Promise<void> {
  const { report } = audit.call;
  try {
    const result = await sealOnce(audit, storage);
    await report.feed(
      [result],
      (it) => it,
      (_, paper) => sealLines(result, audit, paper),
    );
  } catch (error) {
    const { code, message } = failureOf(error);
    if (!PASSING.includes(code)) throw error;
    await report.note(`${message} Nothing was sealed now; the next time is tried.`);
  }
}

const PASSING = ['BACKSTORY_SEALER_BUSY', 'BACKSTORY_STORE_UNAVAILABLE'];

async function sealOnce(audit: AuditCall, storage: OpenStorage): Promise<SealResult> {
  const { options, call, folder, signal } = audit;
  const progress = await progressOn(call.io, 'Sealing');
  const actor = options.actor ?? userName();
  const key = audit.signingKey();
  const onProgress = progress.update;
  try {
    return await sealLog(storage, {
      folder: folder.folder,
      key,
      onProgress,
      ...(actor !== undefined && { actor }),
      ...signal,
    });
  } finally {
    progress.stop();
  }
}

/** Of whoever runs the command. In a container there may be nobody of that number. */
function userName(): string | undefined {
  try {
    return os.userInfo().username;
  } catch {
    return undefined;
  }
}

/** `false`: it was interrupted. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  return wait(ms, true, signal && { signal }).catch(() => false);
}

function* sealLines(
  { head, sealed, rebuilt }: SealResult,
  { folder }: AuditCall,
  paper: Paper,
): Generator<string> {
  for (const sequence of rebuilt)
    yield `Seal ${sequence} was made again from the log; it is the one that was signed.`;
  if (!head) {
    yield 'The log is empty: there is nothing to seal.';
    return;
  }
  if (sealed === 0) {
    yield `Nothing was recorded since seal ${head.sequence} of ${head.sealedAt}.`;
    return;
  }
  yield `Seal ${paper.bold(String(head.sequence))} covers ${counted(head.treeSize, 'event')}, ${sealed} of them new, up to position ${head.position}.`;
  yield paper.dim(`root   ${head.root}`);
  yield paper.dim(`key    ${head.keyId.slice(0, 16)}`);
  yield `Keep ${paper.name(folder.headFile)} somewhere else: it is the anchor.`;
}
