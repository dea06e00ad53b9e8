import { Recorder, type OpenStorage } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import { EventHandler } from '@backstory/events';
import { Projection, Projections, deleted, projection, type ProjectionSource } from '@backstory/projection';
import { Deposited, Withdrawn } from './bank-events.js';

/** Balances by stream; an account that is empty goes. */
@Projection('balances', { version: 1, indexes: ['balance', 'kind'] })
export class Balances {
  balance = 0;
  deposits = 0;
  kind = 'new';

  @EventHandler(Deposited) deposited({ amount }: Deposited): void {
    this.balance += amount;
    this.deposits++;
    if (this.deposits > 1) this.kind = 'known';
  }

  @EventHandler(Withdrawn) withdrawn({ amount }: Withdrawn): typeof deleted | undefined {
    this.balance -= amount;
    return this.balance === 0 ? deleted : undefined;
  }
}

/** The same in functions, as version `version`, by the first figure of the account and for all. */
export function totals(version = 1) {
  return projection('totals', {
    version,
    key: ({ stream }) => [`group-${stream.slice(8, 9)}`, 'all'],
    initial: { sum: 0, events: 0 },
    events: { Deposited, Withdrawn },
    fold: {
      Deposited: ({ sum, events }, { amount }) => ({ sum: sum + amount, events: events + 1 }),
      Withdrawn: ({ sum, events }, { amount }) => ({ sum: sum - amount, events: events + 1 }),
    },
  });
}

/** Projections as one process runs them. */
export function projectionsOn(
  { events, state }: OpenStorage,
  sources: readonly ProjectionSource[],
  options: { readonly observer?: Observer; readonly leaseMs?: number } = {},
): Projections {
  const recorder = new Recorder(events, { source: 'test' });
  const projections = new Projections({ events, state, recorder, ...options });
  for (const source of sources) projections.declare(source);
  return projections;
}
