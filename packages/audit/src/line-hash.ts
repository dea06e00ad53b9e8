import type { hash } from 'node:crypto';

/** The texts of some events in UTF-8, one after the other, and where each ends: header, data, metadata, header, data … */
export interface EventTexts {
  /** The texts stand at its beginning; the rest is room for what becomes of them. New memory would cost as much as hashing. */
  readonly slab: ArrayBuffer;
  readonly ends: Uint32Array;
}

/** What becomes of them. */
export interface HashedTexts {
  /** A line each, as it stands in a seal, in UTF-8: the hash of the data, that of the metadata, the header. */
  readonly lines: Uint8Array;
  /** What the texts were given in, to be used again once the lines have been dealt with: they may stand in it. */
  readonly slab: ArrayBuffer;
  /** The hashes of their leaves, 32 characters each (see `Digest` in `@backstory/proof`). */
  readonly leaves: string;
  /** The root over these leaves where their number is a power of two, else null. */
  readonly root: string | null;
}

/**
 * Hashes the texts of some events. It also runs in a thread that is given its source text, so everything it needs comes as an
 * argument, and nothing of this file may be used in it.
 */
export function hashTexts({ slab, ends }: EventTexts, sha256: typeof hash): HashedTexts {
  const length = ends.at(-1) ?? 0;
  const texts = Buffer.from(slab, 0, length);
  const [leaf, node] = [Buffer.alloc(97), Buffer.alloc(65, 1)];
  const most = length + 131 * (ends.length / 3);
  const fits = length + most <= slab.byteLength;
  const lines = fits ? Buffer.from(slab, length, most) : Buffer.allocUnsafeSlow(most);
  let [from, to] = [0, 0];
  let level: string[] = [];
  for (let i = 0; i < ends.length; i += 3) {
    const header = texts.subarray(from, ends[i]);
    leaf.write(sha256('sha256', header, 'binary'), 1, 'latin1');
    leaf.write(sha256('sha256', texts.subarray(ends[i], ends[i + 1]), 'binary'), 33, 'latin1');
    leaf.write(sha256('sha256', texts.subarray(ends[i + 1], ends[i + 2]), 'binary'), 65, 'latin1');
    from = ends[i + 2]!;
    level.push(sha256('sha256', leaf, 'binary'));
    to += lines.write(`${leaf.toString('hex', 33, 65)} ${leaf.toString('hex', 65)} `, to, 'latin1');
    to += header.copy(lines, to);
    to = lines.writeUInt8(0x0a, to);
  }
  const leaves = level.join('');
  while (level.length > 1 && level.length % 2 === 0) {
    const above: string[] = [];
    for (let i = 0; i < level.length; i += 2) {
      node.write(level[i]!, 1, 'latin1');
      node.write(level[i + 1]!, 33, 'latin1');
      above.push(sha256('sha256', node, 'binary'));
    }
    level = above;
  }
  return { lines: lines.subarray(0, to), slab, leaves, root: level.length === 1 ? level[0]! : null };
}
