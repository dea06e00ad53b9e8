import fs from 'node:fs';
import path from 'node:path';
import { exportPackage, sealedIn, verifyLog, type Verification } from '@backstory/audit';
import { counted } from '../counted.js';
import { UsageError } from '../errors.js';
import { progressOn } from '../progress.js';
import type { AuditCall } from './audit-call.js';
import { queryOf } from './report.js';
import { refuse } from './verify.js';

/** `audit export <folder>`: a package for an auditor, which checks itself. @throws AuditFindings when the log is not as it was sealed */
export async function exportTo(audit: AuditCall): Promise<void> {
  const { call, signal } = audit;
  const into = audit.file(audit.subject('folder'));
  requireFree(into);
  const progress = await progressOn(call.io, 'Verifying');
  const made = await audit
    .withSource(async (source) => {
      const { folder } = audit;
      const keys = await audit.ring();
      const watched = { onProgress: progress.update, ...signal };
      const found = await verifyLog(source.events, { folder: folder.folder, trust: keys, ...watched });
      if (!found.ok) return refuse(audit, found);
      const sealed = await sealedIn(folder);
      return exportPackage(source, { into, sealed, keys, verified: verifiedText(found), ...queryOf(audit) });
    })
    .finally(progress.stop);
  await call.report.answer(made, (paper) => [
    `events: ${made.events}, streams: ${made.streams}; each event with its proof, in ${paper.name(into)}`,
    `They were sealed by seal ${made.head.sequence}, ${made.head.sealedAt}; what came later is not part of it.`,
    'Give it away as it is, and the public key or the key ring by another way. README.md in it says how it is checked.',
  ]);
}

function verifiedText({ seals, sealedEvents, sealedAt }: Verification): string {
  return `nothing that was sealed had changed (${counted(sealedEvents, 'event')} in ${counted(seals, 'seal')}, the last of ${sealedAt}).`;
}

function requireFree(folder: string): void {
  if (!fs.statSync(path.dirname(folder), { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError('no-folder', `There is no folder ${path.dirname(folder)}: make it first.`);
  const found = fs.statSync(folder, { throwIfNoEntry: false });
  if (!found || (found.isDirectory() && fs.readdirSync(folder).length === 0)) return;
  throw new UsageError('folder-in-use', `${folder} is there already: give a new or an empty folder.`);
}
