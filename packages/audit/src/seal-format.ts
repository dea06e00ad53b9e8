import { isUtf8 } from 'node:buffer';
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

/**
 * A line of an event: what is compared with the log, and what a proof needs. Its characters are its bytes: of what is no UTF-8 two
 * lines would else be one.
 */
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

/** Reads the bytes of a line of an event; `undefined` for anything else. The header is not looked into. */
export function readLine(line: string): SealLine | undefined {
  return LINE.test(line) ? lineIn(line) : undefined;
}

const LINE = /^[0-9a-f]{64} [0-9a-f]{64} \[1,/;

/** Reads what is known to be a line. */
export function lineIn(line: string): SealLine {
  const [data, metadata, header] = [line.slice(0, 64), line.slice(65, 129), line.slice(130)];
  return { data, metadata, header };
}

/** The hash of the leaf that a line stands for. */
export function leafOfLine({ data, metadata, header }: SealLine): Digest {
  return leafOf(sha256(Buffer.from(header, 'latin1')), digestIn(data)!, digestIn(metadata)!);
}

/** The header of a line, also of an event that no store of ours has written; `undefined` where nothing can be made of it. */
export function headerOfLine({ header }: SealLine): EventHeader | undefined {
  const text = Buffer.from(header, 'latin1').toString();
  const read = readHeader(text);
  if (read) return read;
  const values = jsonIn(text);
  if (!Array.isArray(values) || values.length !== 9) return undefined;
  const [, position, stream, version, id, type, schemaVersion, appendIndex, recordedAt] = values as [
    number,
    number,
    string,
    number,
    string,
    string,
    number,
    number,
    number,
  ];
  if (![stream, id, type].every((it) => typeof it === 'string') || !Number.isFinite(position))
    return undefined;
  return { position, stream, version, id, type, schemaVersion, appendIndex, recordedAt };
}

/** The header of a line as a proof holds it; `undefined` where it is no header that can be written so. */
export function exactHeaderOf({ header }: SealLine): EventHeader | undefined {
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? readHeader(bytes.toString()) : undefined;
}

/** Where a line stands, whatever else is in its header; `undefined` where it does not say. */
export function positionOfLine({ header }: SealLine): number | undefined {
  const digits = /^\[1,(\d+),/.exec(header)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The lines in these bytes, each as its bytes. What begins as no line does belongs to the one before: a name may hold a break. */
export function linesOfBytes(bytes: Uint8Array): readonly string[] {
  const lines: string[] = [];
  for (const text of Buffer.from(bytes).toString('latin1').split('\n'))
    if (LINE.test(text) || lines.length === 0) lines.push(text);
    else if (text !== '') lines[lines.length - 1] += `\n${text}`;
  return lines;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
