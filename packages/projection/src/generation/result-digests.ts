import { createHash } from 'node:crypto';
import type { StateView } from '@backstory/core/state';
import { byBytes } from '@backstory/core/store';
import { placeIn, resultsUpTo } from '../results/result-rows.js';
import type { Row } from './comparison.js';
import { canonical } from './document-difference.js';
import { documentsOf } from './stored-rows.js';

/** How many results a document has, and a hash over them in the order of the log. */
interface Digest {
  readonly count: number;
  readonly sha256: string;
}

const NONE: Digest = { count: 0, sha256: '' };

/** The results that a fold of the log gives, of which only a digest for each document is held. */
export class ResultDigests {
  private readonly digests = new Map<string, Digest>();

  /** Those of one document in the order of the log. */
  add(row: string, text: string): void {
    const { key } = placeIn(row);
    this.digests.set(key, withOne(this.digests.get(key) ?? NONE, row, text));
  }

  /** In the order in which results are stored. */
  async *rows(): AsyncGenerator<Row, void> {
    const all = [...this.digests].map(([key, digest]) => [resultsUpTo(key), digest] as const);
    for (const [of, digest] of all.sort(([x], [y]) => byBytes(x, y))) yield [of, JSON.stringify(digest)];
  }
}

/** The same of what is stored. */
export async function* digestsOf(view: StateView, collection: string): AsyncGenerator<Row, void> {
  let last: { readonly of: string; readonly digest: Digest } | undefined;
  for await (const [row, text] of documentsOf(view, collection)) {
    const of = resultsUpTo(placeIn(row).key);
    if (last && last.of !== of) yield [last.of, JSON.stringify(last.digest)];
    last = { of, digest: withOne(last?.of === of ? last.digest : NONE, row, text) };
  }
  if (last) yield [last.of, JSON.stringify(last.digest)];
}

/** What the digest of a document's results is called where it differs. */
export function digestName(of: string): string {
  return `${of.slice(of.indexOf(':') + 1, -1)}, its results`;
}

function withOne({ count, sha256 }: Digest, row: string, text: string): Digest {
  const own = `${sha256}\0${row}\0${canonical(JSON.parse(text))}`;
  return { count: count + 1, sha256: createHash('sha256').update(own).digest('hex') };
}
