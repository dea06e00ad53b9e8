import type { hash } from 'node:crypto';

/** The texts of some events: see `TextsPage` of the store. */
export interface EventTexts {
  /** The texts stand at its beginning. The rest is {@link roomFor} their lines: new memory would cost as much as hashing. */
  readonly slab: SharedArrayBuffer;
  /** Of the texts, in bytes. */
  readonly length: number;
  /** Of the events. */
  readonly count: number;
}

/** What becomes of them. Their lines stand in the slab, behind them. */
export interface HashedTexts {
  /** Where the lines end. */
  readonly end: number;
  /** The hashes of their leaves, 32 characters each (see `Digest` in `@backstory/proof`). */
  readonly leaves: string;
  /** The root over these leaves where their number is a power of two, else null. */
  readonly root: string | null;
}

/** How large a slab must be for so many bytes of texts of so many events. A line is two hashes and the header. */
export function roomFor(bytes: number, events: number): number {
  return 2 * bytes + 131 * events;
}

/** The lines, each as it stands in a seal, in UTF-8: the hash of the data, that of the metadata, the header. */
export function linesIn({ slab, length }: EventTexts, { end }: HashedTexts): Uint8Array {
  return new Uint8Array(slab, length, end - length);
}

/**
 * Hashes the texts of some events. It also runs in a thread that is given its source text, so everything it needs comes as an
 * argument, and nothing of this file may be used in it.
 */
export function hashTexts({ slab, length, count }: EventTexts, sha256: typeof hash): HashedTexts {
  const bytes = Buffer.from(slab);
  const digits = Buffer.from('0123456789abcdef');
  const [leaf, node] = [Buffer.alloc(97), Buffer.alloc(65, 1)];
  const lengths = [0, 0, 0];
  let [from, to] = [0, length];
  let level: string[] = [];
  for (let i = 0; i < count; i++) {
    for (let part = 0; part < 3; part++) {
      let value = 0;
      for (; from < length && bytes[from] !== 0x20; from++) value = 10 * value + bytes[from]! - 0x30;
      lengths[part] = value;
      from++;
    }
    const header = bytes.subarray(from, (from += lengths[0]!));
    const data = bytes.subarray(from, (from += lengths[1]!));
    const metadata = bytes.subarray(from, (from += lengths[2]!));
    const hashes =
      sha256('sha256', header, 'binary') +
      sha256('sha256', data, 'binary') +
      sha256('sha256', metadata, 'binary');
    leaf.write(hashes, 1, 'latin1');
    level.push(sha256('sha256', leaf, 'binary'));
    // In hexadecimal by hand: strings in between took a quarter of the time.
    for (let at = 33; at < 97; at++) {
      if (at === 65) bytes[to++] = 0x20;
      bytes[to++] = digits[leaf[at]! >> 4]!;
      bytes[to++] = digits[leaf[at]! & 15]!;
    }
    bytes[to++] = 0x20;
    bytes.set(header, to);
    to += header.length;
    bytes[to++] = 0x0a;
  }
  if (from !== length) throw new Error(`The store gave texts of ${length} bytes that say they have ${from}.`);
  const leaves = level.join('');
  while (level.length > 1 && level.length % 2 === 0) {
    const above: string[] = [];
    for (let i = 0; i < level.length; i += 2) {
      node.write(level[i]! + level[i + 1]!, 1, 'latin1');
      above.push(sha256('sha256', node, 'binary'));
    }
    level = above;
  }
  return { end: to, leaves, root: level.length === 1 ? level[0]! : null };
}
