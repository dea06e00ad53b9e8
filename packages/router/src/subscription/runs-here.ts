import type { StoredEvent } from '@backstory/core';

/** What an admin can have of the subscriptions that run in its own process. */
export interface RunsHere {
  /** Something was asked for: have it carried out soon. */
  look(subscription: string): void;
  /** Keeps the checkpoint now. */
  keep(subscription: string): Promise<void> | undefined;
  /** The key of an event; `undefined` where the subscription was never run here. */
  keyOf(subscription: string, stored: StoredEvent): string | undefined;
}
