import {
  NotProvable,
  eventCalled,
  proveConsistency,
  proveEvent,
  sealedIn,
  sealedInLog,
  type SealedLines,
} from '@backstory/audit';
import type { EventStore } from '@backstory/core';
import { HEAD_PROBLEMS, writeProof, type Proof, type TreeHead } from '@backstory/proof';
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
  return audit.anchor(name);
}

function sequenceIn(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageError('invalid-argument', `"${text}" is no number of a seal: give 1, 2, 3 …`);
}

/** A proof that nobody could rely on is not written. @throws NotProvable */
async function requireBelieved({ folder }: AuditCall, proof: Proof): Promise<void> {
  if (!(await folder.hasKeys())) return;
  const ring = await folder.keys();
  for (const head of proof.kind === 'inclusion' ? [proof.head] : [proof.first, proof.second]) {
    const problem = ring.judge(head);
    if (!problem) continue;
    const name = `seal ${head.sequence}`;
    const message =
      `Seal ${head.sequence} proves nothing: ${HEAD_PROBLEMS[problem]} Seal the log with a key that is in force, and prove it ` +
      'from that seal; whether the log still contains a head that was kept, "backstory audit verify --anchor" says.';
    throw new NotProvable(name, 'not-believed', message);
  }
}

/** Into a file: a proof must stand as it was written, to the byte, and may hold what a terminal would obey. */
async function give(audit: AuditCall, proof: Proof, name: string): Promise<void> {
  const { call, options } = audit;
  await requireBelieved(audit, proof);
  const written = await audit.write(options.out ?? name.replace(/[^\w.-]/g, '_'), [writeProof(proof)]);
  await call.report.answer({ file: written, proof }, (paper) => [`The proof is in ${paper.name(written)}`]);
}
