import type { EventStore, StoredEvent } from '@backstory/core';
import type { ConsistencyProof, EventHeader, InclusionProof, TreeHead } from '@backstory/proof';
import { MerklePaths, consistencyRanges, hexOf, inclusionRanges, sha256 } from '@backstory/proof/seal';
import { NotProvable } from './errors.js';
import { exactHeaderOf, headerOfLine, leafOfLine, positionOfLine, type SealLine } from './seal-format.js';
import type { SealedLines } from './sealed-lines.js';

/** Which events are to be proven, of those that are sealed. */
export type Selection = (line: SealLine) => boolean;

/** The most events that are proven at once. */
export const MOST_PROOFS = 100_000;

/**
 * Proves that an event was in the log when it was last sealed. Its texts are not part of the proof unless they are given.
 *
 * @throws NotProvable
 */
export async function proveEvent(
  sealed: SealedLines,
  eventId: string,
  texts?: Pick<StoredEvent, 'data' | 'metadata'>,
): Promise<InclusionProof> {
  const quoted = Buffer.from(`,${JSON.stringify(eventId)},`).toString('latin1');
  const isIt: Selection = (line) => line.header.includes(quoted) && headerOfLine(line)?.id === eventId;
  const [proof] = await proveEvents(sealed, isIt);
  if (!proof) {
    const { sequence, position } = sealed.head;
    const message = `Event ${eventId} is not among what seal ${sequence} covers, up to position ${position}: seal the log, or look for the id with "backstory events --id".`;
    throw new NotProvable(eventId, 'not-sealed', message);
  }
  return texts ? withTexts(proof, texts) : proof;
}

/** Proves many events in two passes over what is sealed. @throws NotProvable */
export async function proveEvents(
  sealed: SealedLines,
  selection: Selection,
): Promise<readonly InclusionProof[]> {
  const { head } = sealed;
  const found: { readonly index: number; readonly line: SealLine }[] = [];
  let index = 0;
  for await (const line of sealed.lines()) {
    if (selection(line)) found.push({ index, line });
    if (found.length > MOST_PROOFS) throw new NotProvable('events', 'too-many', TOO_MANY);
    index++;
  }
  const paths = new MerklePaths();
  for (const { index } of found) paths.want(inclusionRanges(index, head.treeSize));
  await walk(sealed, paths);
  return found.map(({ index, line }) => ({
    kind: 'inclusion',
    event: provableHeader(line),
    data: null,
    dataHash: line.data,
    metadata: null,
    metadataHash: line.metadata,
    leafIndex: index,
    path: paths.digestsOf(inclusionRanges(index, head.treeSize)).map(hexOf),
    head,
  }));
}

/** @throws NotProvable */
function provableHeader(line: SealLine): EventHeader {
  const header = exactHeaderOf(line);
  if (header) return header;
  const place = `position ${positionOfLine(line)}`;
  const message = `The event at ${place} was sealed with what no proof can hold: it is in the seal itself. Leave it out.`;
  throw new NotProvable(place, 'damaged', message);
}

/** Proves that what is sealed now contains everything that an earlier head covers, unchanged. @throws NotProvable */
export async function proveConsistency(sealed: SealedLines, first: TreeHead): Promise<ConsistencyProof> {
  const { head: second } = sealed;
  if (first.logId !== second.logId) {
    const message = `The earlier head is of log ${first.logId}, and these seals are of log ${second.logId}: give a head of this log.`;
    throw new NotProvable(`seal ${first.sequence}`, 'no-such-seal', message);
  }
  if (first.sequence >= second.sequence || first.treeSize > second.treeSize) {
    const message =
      first.sequence === second.sequence
        ? `Seal ${first.sequence} cannot be held against itself: seal again when something was recorded since, or give an earlier one.`
        : `Seal ${first.sequence} is not older than seal ${second.sequence}: give the older one first.`;
    throw new NotProvable(`seal ${first.sequence}`, 'no-such-seal', message);
  }
  const ranges = consistencyRanges(first.treeSize, second.treeSize);
  const paths = new MerklePaths();
  paths.want(ranges);
  await walk(sealed, paths);
  return { kind: 'consistency', first, second, path: paths.digestsOf(ranges).map(hexOf) };
}

/** The event with this id, as it is stored. @throws NotProvable */
export async function eventCalled(store: EventStore, eventId: string): Promise<StoredEvent> {
  for await (const { events } of store.readAll({ ids: [eventId], includeSystem: true }))
    if (events[0]) return events[0];
  const message = `There is no event ${eventId} in this log. Leave out --payload to prove that it was there.`;
  throw new NotProvable(eventId, 'not-recorded', message);
}

/** A proof that shows the texts of its event. @throws NotProvable when they are not the ones that were sealed */
export function withTexts(
  proof: InclusionProof,
  { data, metadata }: Pick<StoredEvent, 'data' | 'metadata'>,
): InclusionProof {
  const same = hexOf(sha256(data)) === proof.dataHash && hexOf(sha256(metadata)) === proof.metadataHash;
  if (same) return { ...proof, data, metadata };
  const message = `Event ${proof.event.id} is not as it was sealed: run "backstory audit verify". Without its payload it can be proven.`;
  throw new NotProvable(proof.event.id, 'damaged', message);
}

async function walk(sealed: SealedLines, paths: MerklePaths): Promise<void> {
  for await (const line of sealed.lines()) paths.append(leafOfLine(line));
  if (hexOf(paths.root()) === sealed.head.root) return;
  const { sequence } = sealed.head;
  const message = `What is there does not lead to the root that seal ${sequence} signed: run "backstory audit verify" to see what was altered.`;
  throw new NotProvable(`seal ${sequence}`, 'damaged', message);
}

const TOO_MANY = `More than ${MOST_PROOFS.toLocaleString('en-US')} events would be proven: choose fewer, with --stream, --from or --to. Of a whole log the seals themselves are the proof.`;
