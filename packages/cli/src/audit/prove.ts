import {
  eventCalled,
  proveConsistency,
  proveEvent,
  readAnchor,
  sealedIn,
  sealedInLog,
  type SealedLines,
} from '@backstory/audit';
import type { EventStore } from '@backstory/core';
import { writeProof, type Proof, type TreeHead } from '@backstory/proof';
import { UsageError } from '../errors.js';
import type { AuditCall } from './audit-call.js';

/** `audit prove <event id>`: that an event was in the log when it was sealed. */
export async function prove(audit: AuditCall): Promise<void> {
  const eventId = audit.subject('event id');
  const proof = await audit.withLog(async (log) => {
    const texts = audit.options.payload ? await eventCalled(log, eventId) : undefined;
    return proveEvent(await sealed(audit, log), eventId, texts);
  });
  await give(audit, proof, `${eventId}.proof.json`);
}

/** `audit prove-consistency <earlier> [later]`: that one seal contains another. */
export async function proveSeals(audit: AuditCall): Promise<void> {
  const earlier = audit.subject('earlier seal');
  const [, , later] = audit.call.arguments as [string, string, string?];
  const proof = await audit.withLog(async () => {
    const second = await sealedIn(audit.folder, later === undefined ? undefined : sequenceIn(later));
    return proveConsistency(second, await headCalled(audit, earlier));
  });
  await give(audit, proof, `seal-${proof.first.sequence}-${proof.second.sequence}.proof.json`);
}

/** From the folder, where every seal is; else from the log itself. */
async function sealed({ folder }: AuditCall, log: EventStore): Promise<SealedLines> {
  return (await folder.sequences()).length > 0 ? sealedIn(folder) : sealedInLog(log);
}

async function headCalled(audit: AuditCall, name: string): Promise<TreeHead> {
  if (/^\d+$/.test(name)) return (await sealedIn(audit.folder, sequenceIn(name))).head;
  return readAnchor(audit.file(name));
}

function sequenceIn(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageError('invalid-argument', `"${text}" is no number of a seal: give 1, 2, 3 …`);
}

/** Into a file: a proof must stand as it was written, to the byte, and may hold what a terminal would obey. */
async function give(audit: AuditCall, proof: Proof, name: string): Promise<void> {
  const { call, options } = audit;
  const written = audit.write(options.out ?? name.replace(/[^\w.-]/g, '_'), writeProof(proof));
  await call.report.answer({ file: written, proof }, (paper) => [`The proof is in ${paper.name(written)}`]);
}
