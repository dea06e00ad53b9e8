import type { EventStore } from '@backstory/core';
import type { Finding, SealFinding } from './finding.js';

type ColumnFinding = Extract<Finding, { readonly kind: 'column' }>;

/** What a store says of itself. Details of so many columns are kept; the rest is counted. */
export class StoreFindings {
  readonly sentences: SealFinding[] = [];
  private columns = 0;
  private readonly findings: ColumnFinding[] = [];

  constructor(private readonly most: number) {}

  /** Asks the store until it has told all, or somebody does not want to know any more. */
  async gather(store: EventStore, signal: AbortSignal): Promise<void> {
    for await (const page of store.examine?.() ?? []) {
      if (signal.aborted) return;
      for (const found of page) {
        if (typeof found === 'string') this.sentences.push({ kind: 'store', message: found });
        else if (++this.columns <= this.most) this.findings.push({ kind: 'column', ...found });
      }
    }
  }

  /** Columns, save those of events of which it is told already that they are wrong. */
  columnsWithout(events: readonly { readonly position: number }[]): {
    readonly count: number;
    readonly findings: readonly ColumnFinding[];
  } {
    const known = new Set(events.map(({ position }) => position));
    const findings = this.findings.filter(({ position }) => !known.has(position));
    return { count: this.columns - this.findings.length + findings.length, findings };
  }
}
