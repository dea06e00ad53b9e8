import type { StateStore } from '@backstory/core';
import type { HeldLease, StateTransaction } from '@backstory/core/state';
import type { Generation } from '../generation/control.js';
import type { Places } from '../generation/places.js';
import { writeTrouble, type Trouble } from '../generation/progress.js';

/** Why a generation does not go on, kept for those who ask from elsewhere. */
export class Troubles {
  /** One may be kept that is over: another process may have been the one to tell of it. */
  private isKept = true;

  constructor(
    private readonly parts: {
      readonly generation: Generation;
      readonly places: Places;
      readonly lease: HeldLease;
      readonly state: StateStore;
      readonly owner: string;
    },
  ) {}

  async tell(state: Trouble['state'], error: unknown): Promise<void> {
    const { lease, places, generation, owner } = this.parts;
    const code = (error as { code?: unknown }).code;
    const trouble = { state, reason: messageOf(error), owner, at: new Date().toISOString() };
    this.isKept = true;
    await this.parts.state.transaction([lease], (tx) =>
      writeTrouble(tx, places, {
        ...trouble,
        ...(typeof code === 'string' && { code }),
        generation: generation.number,
      }),
    );
  }

  /** It is over once this transaction, in which something went through, is: call `over` then. */
  async forget(tx: StateTransaction): Promise<void> {
    if (this.isKept) await tx.delete(this.parts.places.troubles, String(this.parts.generation.number));
  }

  over(): void {
    this.isKept = false;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
