import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { AuditFolder, sealLog, verifyLog } from '@backstory/audit';
import type { OpenStorage } from '@backstory/core';
import { KeyRing } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import type { Contest, Side } from '../row.js';

/** A log that is scanned, bare, and what is needed to seal it again and again. */
export interface Scanned {
  readonly storage: OpenStorage;
  readonly folder: string;
  readonly head: number;
  /** Takes the records of seals out of the log, behind its back. */
  readonly forget: () => void | Promise<void>;
  /** Reads the log with the bare driver and gives the number of its events. */
  readonly scan: () => number | Promise<number>;
}

/** Sealing a whole log, or verifying it, beside reading it. */
export async function auditContest(
  { storage, folder, head, forget, scan }: Scanned,
  what: 'seal' | 'verify',
): Promise<Pick<Contest, 'amount' | 'expected' | 'ours' | 'bare'>> {
  const key = readPrivateKey(newPrivateKey());
  const ring = KeyRing.begin(key, new Date());
  const audit = path.join(folder, 'audit');
  let events = 0;
  const proof = () => {
    const said = `${events} events`;
    events = 0;
    return said;
  };
  const begin = async () => {
    await forget();
    rmSync(audit, { recursive: true, force: true });
    mkdirSync(audit);
    await new AuditFolder(audit).writeKeys(ring);
  };
  const seal = async () => (await sealLog(storage, { folder: audit, key })).sealed;
  const verify = async () => {
    const { ok, sealedEvents } = await verifyLog(storage.events, { folder: audit, trust: ring });
    return ok ? sealedEvents : 0;
  };
  if (what === 'verify') {
    await begin();
    await seal();
  }
  const ours: Side = {
    proof,
    ...(what === 'seal' && { before: begin }),
    async run() {
      events = await (what === 'seal' ? seal() : verify());
    },
  };
  const bare: Side = {
    proof,
    async run() {
      events = Math.min(head, await scan());
    },
  };
  return { amount: head, expected: `${head} events`, ours, bare };
}
