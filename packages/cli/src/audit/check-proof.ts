import { checkProof as check, provenLines, trustKey, type Trust } from '@backstory/proof';
import { UsageError } from '../errors.js';
import type { AuditCall } from './audit-call.js';

/** `audit check-proof <file>`: whether a proof proves what it says. It opens no log. @throws InvalidProof */
export async function checkProof(audit: AuditCall): Promise<void> {
  audit.locate();
  const proof = check(audit.bytesOf(audit.subject('proof file')), await trustOf(audit));
  await audit.call.report.answer(proof, (paper) =>
    provenLines(proof).map((line, i) => (i === 0 ? paper.good(line) : paper.plain(line))),
  );
}

async function trustOf(audit: AuditCall): Promise<Trust> {
  const { key, keys } = audit.options;
  if (key !== undefined && keys !== undefined)
    throw new UsageError(
      'conflicting-options',
      'Give either --key, one public key, or --keys, a key ring, which also says what was revoked.',
    );
  return key === undefined ? audit.ring() : trustKey(audit.textOf(key));
}
