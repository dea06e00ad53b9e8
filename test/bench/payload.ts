import { newId, type StampedEvent } from '@backstory/core';
import { appendIds } from '@backstory/core/store';
import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate } from 'backstory';

@DomainEvent('account.opened')
export class Opened {
  constructor(readonly owner: string) {}
}
@DomainEvent('account.deposited')
export class Deposited {
  constructor(
    readonly amount: number,
    readonly reference: string,
  ) {}
}
@DomainEvent('account.withdrawn')
export class Withdrawn {
  constructor(
    readonly amount: number,
    readonly reference: string,
  ) {}
}
@DomainEvent('account.limited')
export class Limited {
  constructor(readonly limit: number) {}
}

/** The aggregate of the benchmark: four events, small ones, as most are. */
@Aggregate('account')
export class Account extends EventSourcedAggregate {
  owner = '';
  balance = 0;
  limit = 0;
  movements = 0;
  @EventHandler(Opened) protected opened(event: Opened) {
    this.owner = event.owner;
  }
  @EventHandler(Deposited) protected deposited(event: Deposited) {
    this.balance += event.amount;
    this.movements++;
  }
  @EventHandler(Withdrawn) protected withdrawn(event: Withdrawn) {
    this.balance -= event.amount;
    this.movements++;
  }
  @EventHandler(Limited) protected limited(event: Limited) {
    this.limit = event.limit;
  }
}

/**
 * Events of an account from its `n`-th on, as the Recorder stamps those of one append: each with an id of its own, all with
 * the same metadata. Some 65 bytes of data and 240 of metadata.
 */
export function stamped(n: number, count: number): StampedEvent[] {
  const ids = appendIds(newId(), count);
  const metadata = JSON.stringify({
    correlationId: ids[0],
    causationId: CAUSE,
    actor: `user-${n % 100}`,
    source: 'bench',
    occurredAt: '2026-11-20T12:00:00.000Z',
    command: 'transfer',
  });
  return ids.map((id, i) => {
    const { type, ...data } = said(n + i);
    return { id, type, schemaVersion: 1, data: JSON.stringify(data), metadata };
  });
}

/** What caused every event of the benchmark. */
export const CAUSE = '0192f3a1-7c9e-7b52-9d3c-1f2e3d4c5b6a';

function said(n: number): { readonly type: string; readonly [property: string]: unknown } {
  if (n === 0) return { type: 'account.opened', owner: 'Ann of Green Gables' };
  if (n % 50 === 0) return { type: 'account.limited', limit: n };
  const type = n % 3 === 0 ? 'account.withdrawn' : 'account.deposited';
  return { type, amount: n, reference: `invoice ${2_000_000 + n} of 2026-11-20` };
}

/** The balance of an account after `count` events, worked out without reading any of them. */
export function balanceAfter(count: number): number {
  let balance = 0;
  for (let n = 1; n < count; n++) if (n % 50 !== 0) balance += n % 3 === 0 ? -n : n;
  return balance;
}
