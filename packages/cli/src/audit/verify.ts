import { findingText, verifyLog, type Finding, type Verification } from '@backstory/audit';
import { counted } from '../counted.js';
import { AuditFindings } from '../errors.js';
import { SHOWN } from '../limit.js';
import type { Paper } from '../paper.js';
import { progressOn } from '../progress.js';
import type { AuditCall } from './audit-call.js';

/** `audit verify`: what is not as it was sealed. @throws AuditFindings */
export async function verify(audit: AuditCall): Promise<void> {
  const { call, options } = audit;
  const progress = await progressOn(call.io, 'Verifying');
  const found = await audit
    .withLog(async (log) => {
      const anchors = (options.anchor ?? []).map((file) => audit.anchor(file));
      const { folder } = audit.folder;
      const { restored = false } = options;
      const trust = () => audit.ring();
      const against = { folder, trust, anchors, restored };
      return verifyLog(log, { ...against, onProgress: progress.update, ...audit.signal });
    })
    .finally(progress.stop);
  if (found.ok) return call.report.answer(found, (paper) => verifiedLines(found, paper));
  await refuse(audit, found);
}

/** Tells what was found, and ends. @throws AuditFindings */
export async function refuse({ call }: AuditCall, found: Verification): Promise<never> {
  if (!call.report.asJson) await call.report.answer(found, (paper) => findingLines(found, paper));
  throw new AuditFindings(found);
}

function* verifiedLines(found: Verification, paper: Paper): Generator<string> {
  const { seals, sealedEvents, sealedPosition, sealedAt, head, anchors, located, vouched } = found;
  yield paper.good(
    `Nothing that was sealed has changed: ${counted(sealedEvents, 'event')} in ${counted(seals, 'seal')}.`,
  );
  yield `sealed up to position ${sealedPosition}, the last time at ${sealedAt}`;
  if (head !== null && head > sealedPosition)
    yield `not sealed yet: ${head === sealedPosition + 1 ? `position ${head}` : `positions ${sealedPosition + 1} to ${head}`}`;
  yield anchors === 0
    ? paper.changed('No --anchor was given: that the log and its seals end here is their own word.')
    : `${counted(anchors, 'anchor')} agree${anchors === 1 ? 's' : ''}`;
  if (!located)
    yield 'Seals without a file were recomputed from the log: damage in them would be found, and not located.';
  if (vouched.length > 0)
    yield `Seals ${vouched.join(', ')} are of a revoked key; a later seal contains them.`;
}

function* findingLines(found: Verification, paper: Paper): Generator<string> {
  const { findings, count } = found;
  const other = findings.find(({ kind }) => kind === 'other-log');
  if (other) {
    yield paper.bad(findingText(other));
    yield 'What else differs follows from it: give the log that was sealed, or --restored to compare this one all the same.';
    yield '';
    return;
  }
  for (const finding of findings.slice(0, SHOWN)) yield paper.bad(findingText(finding));
  if (count > SHOWN)
    yield `… and ${count - Math.min(SHOWN, findings.length)} more; --json has ${findings.length} of them.`;
  yield* unchangedLine(found);
  yield '';
}

/** What is still good, where all that is not is known one by one. */
function* unchangedLine({
  findings,
  count,
  located,
  sealedEvents,
  sealedPosition,
}: Verification): Generator<string> {
  // Where a seal, an anchor or the store itself is not as it should be, what is altered need not show in an event.
  if (!located || findings.length < count || !findings.every((it) => 'event' in it)) return;
  const isSealed = (it: Finding) => 'event' in it && it.kind !== 'inserted' && it.position <= sealedPosition;
  const changed = findings.filter(isSealed).length;
  yield `${sealedEvents - changed} of ${sealedEvents} sealed events are as they were, each at its place.`;
}
