import { digestIn, leafOf, readHeader, sha256, hexOf, type Digest } from '@backstory/proof/seal';
import type { EventHeader } from '@backstory/proof';

const FORMAT = 'backstory.seal/1';

/** The first line of a seal: which seal of which log it is, and what is sealed before it. */
export interface SealOpening {
  readonly logId: string;
  readonly sequence: number;
  readonly fromSize: number;
  readonly fromPosition: number;
}

/** A line of an event: what is compared with the log, and what a proof needs. */
export interface SealLine {
  /** In hexadecimal. */
  readonly data: string;
  readonly metadata: string;
  readonly header: string;
}

/** The first line of a seal, format version 1, without its line break. */
export function writeOpening({ logId, sequence, fromSize, fromPosition }: SealOpening): string {
  return JSON.stringify({ format: FORMAT, logId, sequence, fromSize, fromPosition });
}

/** Reads what {@link writeOpening} wrote, to the letter; `undefined` for anything else. */
export function readOpening(line: string): SealOpening | undefined {
  const read = jsonIn(line) as Partial<SealOpening> | undefined;
  const { logId, sequence, fromSize, fromPosition } = read ?? {};
  const numbers = [sequence, fromSize, fromPosition].every((it) => Number.isSafeInteger(it));
  if (typeof logId !== 'string' || !numbers) return undefined;
  const opening = { logId, sequence, fromSize, fromPosition } as SealOpening;
  return writeOpening(opening) === line ? opening : undefined;
}

/** The last line but one: the complete subtrees of everything sealed so far, with which the next seal goes on. */
export function writePeaks(peaks: readonly Digest[]): string {
  return JSON.stringify({ peaks: peaks.map(hexOf) });
}

/** Reads what {@link writePeaks} wrote, to the letter; `undefined` for anything else. */
export function readPeaks(line: string): readonly Digest[] | undefined {
  const { peaks } = (jsonIn(line) ?? {}) as { readonly peaks?: unknown };
  if (!Array.isArray(peaks)) return undefined;
  const digests = peaks.map(digestIn).filter((it) => it !== undefined);
  return digests.length === peaks.length && writePeaks(digests) === line ? digests : undefined;
}

/** Reads the line of an event; `undefined` for anything else. The header is not looked into. */
export function readLine(line: string): SealLine | undefined {
  if (!LINE.test(line)) return undefined;
  return { data: line.slice(0, 64), metadata: line.slice(65, 129), header: line.slice(130) };
}

const LINE = /^[0-9a-f]{64} [0-9a-f]{64} \[1,/;

/** The hash of the leaf that a line stands for. */
export function leafOfLine({ data, metadata, header }: SealLine): Digest {
  return leafOf(sha256(header), digestIn(data)!, digestIn(metadata)!);
}

/** The header of a line, also of an event that no store of ours has written. */
export function headerOfLine({ header }: SealLine): EventHeader {
  const read = readHeader(header);
  if (read) return read;
  const [, position, stream, version, id, type, schemaVersion, appendIndex, recordedAt] = (jsonIn(header) ??
    []) as [number, number, string, number, string, string, number, number, number];
  return { position, stream, version, id, type, schemaVersion, appendIndex, recordedAt };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
