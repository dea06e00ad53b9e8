import { isUtf8 } from 'node:buffer';
import { readHeader } from '@backstory/proof/seal';
import { notProvable, type TextBlock } from './log-texts.js';

/** An event that can be read and hashed, and that no proof could hold. */
export interface InexactEvent {
  readonly position: number;
  readonly message: string;
}

/** Those of a block: proofs are text, and their headers are read back to the letter. */
export function inexactIn({
  bytes: { buffer, byteOffset, length },
  count,
  last,
}: TextBlock): readonly InexactEvent[] {
  const bytes = Buffer.from(buffer, byteOffset, length);
  const isText = isUtf8(bytes);
  const found: InexactEvent[] = [];
  for (let i = 0, from = 0; i < count; i++) {
    const lengths = [0, 0, 0];
    for (let part = 0; part < 3; part++, from++)
      for (; bytes[from] !== 0x20; from++) lengths[part] = 10 * lengths[part]! + bytes[from]! - 0x30;
    const [headerAt, dataAt] = [from, from + lengths[0]!];
    const metadataAt = dataAt + lengths[1]!;
    from = metadataAt + lengths[2]!;
    const header = bytes.toString('latin1', headerAt, dataAt);
    const parts = () => [headerAt, dataAt, metadataAt].map((at, k) => bytes.subarray(at, at + lengths[k]!));
    // Of a letter one half could be at the end of the data, and the other one behind it.
    const whole = isText && (bytes[metadataAt]! & 0xc0) !== 0x80;
    const problem = !whole && !parts().every(isUtf8) ? NO_TEXT : isRead(header) ? undefined : NO_HEADER;
    if (problem !== undefined)
      found.push({ position: Number(/^\[1,(\d+),/.exec(header)?.[1] ?? last), message: problem });
  }
  return found;
}

/** @throws NotProvable */
export function requireExact(block: TextBlock): void {
  const [first] = inexactIn(block);
  if (first) throw notProvable(first.position, new Error(first.message));
}

const NO_TEXT = 'it holds bytes that are no UTF-8';
const NO_HEADER = 'what it is called, or one of its numbers, is none that an event can have';

/** Most headers hold nothing that JSON escapes, and need not be read. */
function isRead(header: string): boolean {
  return PLAIN.test(header) || readHeader(Buffer.from(header, 'latin1').toString()) !== undefined;
}

// A number that stays exact in JavaScript, and a text without anything that JSON escapes.
const NUMBER = '(?:0|[1-9]\\d{0,14})';
const TEXT = '"[^"\\\\\\u0000-\\u001f]*"';
const PLAIN = new RegExp(`^\\[1,${[NUMBER, TEXT, NUMBER, TEXT, TEXT, NUMBER, NUMBER, NUMBER].join(',')}\\]$`);
