import type { EventStore } from '@backstory/core';
import { Recorder } from '@backstory/core';
import { DomainEvent, EventTypes } from '@backstory/events';

@DomainEvent('account.withdrawn')
export class Withdrawn {
  constructor(readonly amount: number) {}
}

@DomainEvent('account.deposited')
export class Deposited {
  constructor(readonly amount: number) {}
}

const types = new EventTypes([Withdrawn, Deposited]);

/** Records events, one append each, to accounts by number. */
export function recording(events: EventStore) {
  const recorder = new Recorder(events, { source: 'test' });
  return async (account: string, ...happened: readonly object[]): Promise<string[]> => {
    const ids: string[] = [];
    for (const event of happened) {
      const write = { stream: `account-${account}`, expected: 'any', events: [types.encode(event)] } as const;
      ids.push(...(await recorder.record([write])).ids);
    }
    return ids;
  };
}
