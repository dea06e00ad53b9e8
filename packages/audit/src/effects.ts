import { BackstoryError, categoryOf } from '@backstory/core';
import { NoAggregate, history, type Change, type HistoryStep, type ReplaySource } from '@backstory/replay';

/** What an event did to the state of its stream, or why that cannot be said. */
export type Effect =
  | { readonly kind: 'changes'; readonly changes: readonly Change[] }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Streams whose histories are open at a time: each keeps a state and a page of events. */
const OPEN = 64;

/**
 * What events did, asked for in the order of the log: the history of each stream goes on where it was asked the last time, by
 * the application's own handlers. An event that cannot be folded is told, and so are those behind it.
 */
export class Effects {
  private readonly histories = new Map<string, AsyncGenerator<HistoryStep, void>>();
  /** Why the streams of a category, or a stream from some version on, have no effects. */
  private readonly reasons = new Map<string, string>();

  constructor(
    private readonly source: ReplaySource,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async of(stream: string, version: number): Promise<Effect> {
    const reason = this.reasons.get(categoryOf(stream)) ?? this.reasons.get(`stream ${stream}`);
    if (reason !== undefined) return { kind: 'unknown', reason };
    try {
      return await this.step(stream, version);
    } catch (error) {
      if (!(error instanceof BackstoryError)) throw error;
      const scope = error instanceof NoAggregate ? categoryOf(stream) : `stream ${stream}`;
      this.reasons.set(scope, error.message);
      this.histories.delete(stream);
      return { kind: 'unknown', reason: error.message };
    }
  }

  private async step(stream: string, version: number): Promise<Effect> {
    const steps = this.histories.get(stream) ?? this.begin(stream, version);
    // The one that was asked for last is the last to go.
    this.histories.delete(stream);
    this.histories.set(stream, steps);
    for (;;) {
      const { value, done } = await steps.next();
      if (done || value.event.version > version)
        return { kind: 'unknown', reason: `${stream} has no version ${version} any more` };
      if (value.event.version === version) return { kind: 'changes', changes: value.changes };
    }
  }

  private begin(stream: string, version: number): AsyncGenerator<HistoryStep, void> {
    for (const name of this.histories.keys()) {
      if (this.histories.size < OPEN) break;
      this.histories.delete(name);
    }
    return history(this.source, stream, { from: version, ...(this.signal && { signal: this.signal }) });
  }
}
