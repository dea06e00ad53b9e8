import type { StoredEvent } from '@backstory/core';
import { ProjectionFailed } from '../errors.js';

/**
 * Which event of a batch is to blame. The one that has failed is committed alone, after what is before it in halves, and has failed for
 * good where it fails alone. It need not be the one: that a document cannot be stored is blamed on whatever changed it last.
 */
export class Suspicion {
  private position: number | undefined;
  private most = Infinity;
  private readonly alone = new WeakSet<ProjectionFailed>();
  /** A piece fails with what the one before it has failed with: of that the one before is remembered. */
  private known: ProjectionFailed | undefined;

  /** Runs what commits events, and remembers of a failure how many of them it is of. */
  async watch(events: readonly StoredEvent[], committing: Promise<void>): Promise<void> {
    try {
      await committing;
    } catch (error) {
      if (error instanceof ProjectionFailed) this.noticed(error, events.length);
      throw error;
    }
  }

  /** Whether it is to be tried again, once nothing is under way: of one event alone it is not. */
  isToBeTriedAgain(error: ProjectionFailed): boolean {
    // It may be the same when it fails again.
    this.known = undefined;
    return !this.alone.has(error);
  }

  /** Events in pieces that are to be committed one after another; one at least, which may be empty. */
  pieces(events: readonly StoredEvent[]): readonly (readonly StoredEvent[])[] {
    const { position } = this;
    if (position === undefined || events.length === 0) return [events];
    const found = events.findIndex((it) => it.position >= position);
    const end = found < 0 ? events.length : found;
    const pieces: (readonly StoredEvent[])[] = [];
    for (let at = 0; at < end; at += this.most) pieces.push(events.slice(at, Math.min(at + this.most, end)));
    if (found < 0) return pieces;
    // What comes from here on is under no suspicion.
    this.position = undefined;
    this.most = Infinity;
    pieces.push(events.slice(found, found + 1));
    if (found + 1 < events.length) pieces.push(events.slice(found + 1));
    return pieces;
  }

  private noticed(error: ProjectionFailed, events: number): void {
    if (this.known === error) return;
    this.known = error;
    if (events === 1) {
      this.alone.add(error);
      return;
    }
    this.position = error.position;
    this.most = Math.ceil(events / 2);
  }
}
