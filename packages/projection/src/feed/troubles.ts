import { setTimeout as wait } from 'node:timers/promises';
import { FenceLost, isInfrastructure, type StateTransaction, messageOf } from '@backstory/core/state';
import { writeTrouble, type Trouble } from '../generation/progress.js';
import type { FeederParts, FeedingEnd } from './feeder-parts.js';
import { Withdrawn, requireWanted } from './withdrawn.js';

/** Why a generation does not go on: kept for those who ask from elsewhere, and told here. */
export class Troubles {
  /** One may be kept that is over: another process may have been the one to tell of it. */
  private isKept = true;
  /** How often it could not reach something since it last could. */
  private hindrances = 0;

  constructor(
    private readonly parts: Pick<
      FeederParts,
      'model' | 'generation' | 'places' | 'lease' | 'state' | 'owner' | 'hindered'
    >,
  ) {}

  /** Something cannot be reached. Tells of it, and waits before it is tried again: the longer, the more often that was so. */
  async hinder(error: unknown, signal: AbortSignal): Promise<void> {
    await this.tell(error);
    const longest = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(this.hindrances, 20));
    await wait(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
  }

  /** It is tried again, for this reason. */
  async tell(error: unknown): Promise<void> {
    if (this.hindrances++ === 0) this.parts.hindered(messageOf(error));
    await this.keep('retrying', error).catch(() => undefined);
  }

  /**
   * It cannot go on. It does not end before that is told: in an outage that is later, or by whoever has the lease then. What is not to be
   * fed any more has no fault: its tables may be gone since the transaction began.
   */
  async fault(error: unknown, signal: AbortSignal): Promise<FeedingEnd> {
    for (;;) {
      try {
        await this.keep('faulted', error);
        return { end: 'faulted', error };
      } catch (untold) {
        if (untold instanceof FenceLost || untold instanceof Withdrawn) return { end: 'lost' };
        if (signal.aborted) return { end: 'stopped' };
        if (!isInfrastructure(untold)) return { end: 'faulted', error };
        await wait(LONGEST_MS / 10, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** They are over once this transaction, in which something went through, is: call `over` then. */
  async forget(tx: StateTransaction): Promise<void> {
    if (this.isKept) await tx.delete(this.parts.places.troubles, String(this.parts.generation.number));
  }

  over(): void {
    this.isKept = false;
    if (this.hindrances > 0) this.parts.hindered(undefined);
    this.hindrances = 0;
  }

  private async keep(state: Trouble['state'], error: unknown): Promise<void> {
    const { lease, model, places, generation, owner } = this.parts;
    const code = (error as { code?: unknown }).code;
    const trouble = { state, reason: messageOf(error), owner, at: new Date().toISOString() };
    this.isKept = true;
    await this.parts.state.transaction([lease], async (tx) => {
      await requireWanted(tx, model.name, generation);
      await writeTrouble(tx, places, {
        ...trouble,
        ...(typeof code === 'string' && { code }),
        generation: generation.number,
      });
    });
  }
}

const [SHORTEST_MS, LONGEST_MS] = [50, 5_000];
