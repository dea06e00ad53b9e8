import { createHash } from 'node:crypto';
import { byBytes } from '@backstory/core/store';
import { firstDifference, canonical, type FieldDifference } from './document-difference.js';
import type { StrayRow } from './index-rows.js';

/** Compares rows of two sides that come in the order of their keys, one by one, and hashes both sides. */
export class Comparison {
  documents = 0;
  different = 0;
  readonly differences: DocumentDifference[] = [];
  private readonly digests = [createHash('sha256'), createHash('sha256')] as const;

  constructor(private readonly limit: number) {}

  get hashes(): readonly [string, string] {
    const [a, b] = this.digests.map((it) => it.copy().digest('hex'));
    return [a!, b!];
  }

  async run(
    left: AsyncGenerator<Row, void>,
    right: AsyncGenerator<Row, void>,
    called: (key: string) => string = (key) => key,
  ): Promise<void> {
    let [a, b] = [(await left.next()).value, (await right.next()).value];
    while (a || b) {
      const order = !a ? 1 : !b ? -1 : byBytes(a[0], b[0]);
      this.documents++;
      const [x, y] = [order <= 0 ? a : undefined, order >= 0 ? b : undefined];
      this.compare(called((x ?? y)![0]), x?.[1], y?.[1]);
      if (x) a = (await left.next()).value;
      if (y) b = (await right.next()).value;
    }
  }

  /** Rows of an index that are not as the documents of their side say. They count as differences, and in the hash. */
  async runStray(side: 'live' | 'other', rows: AsyncGenerator<StrayRow, void>): Promise<void> {
    for await (const { key, path, is } of rows) {
      const called = `${key}, index ${path}`;
      this.digests[side === 'live' ? 0 : 1].update(`${called}\0${is}\n`);
      this.different++;
      if (this.differences.length >= this.limit) continue;
      this.differences.push({ key: called, path, live: undefined, other: undefined, [side]: `row ${is}` });
    }
  }

  private compare(key: string, a: string | undefined, b: string | undefined): void {
    const [x, y] = [a, a === b ? undefined : b].map((text) => text && canonical(JSON.parse(text)));
    const [left, right] = [x, a === b ? x : y];
    if (left !== undefined) this.digests[0].update(`${key}\0${left}\n`);
    if (right !== undefined) this.digests[1].update(`${key}\0${right}\n`);
    if (left === right) return;
    this.different++;
    if (this.differences.length >= this.limit) return;
    const [before, after] = [a, b].map((text) =>
      text === undefined ? undefined : (JSON.parse(text) as unknown),
    );
    this.differences.push({ key, ...firstDifference(before, after) });
  }
}

/** A document or row that is not the same in both: the first of its fields that differs, and the two values. */
export interface DocumentDifference extends FieldDifference {
  /**
   * The key of the document; of a row its table and the values of its key: `days 2026-11-28`; of a row of an index that is missing or
   * too many on one side the document's key and the index: `account-42, index balance`.
   */
  readonly key: string;
}

/** A key and what is stored under it. */
export type Row = readonly [key: string, text: string];
