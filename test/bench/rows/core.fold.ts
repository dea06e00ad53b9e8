import { modelOf } from '@backstory/aggregate';
import type { StampedEvent, StoredEvent } from '@backstory/core';
import { Account, balanceAfter, stamped } from '../payload.js';
import type { Row } from '../row.js';

const EVENTS = 1_000;

export const row: Row = {
  name: 'core.fold',
  unit: 'events/s',
  target: 0.5,
  ours: 'a decorated aggregate folds 1,000 stored events: reads their JSON as instances, calls the handler of each, checks versions',
  bare: 'JSON.parse of the same 1,000 events, and a switch over their types that sets the fields of an object',
  async prepare({ scale }) {
    const events = stamped(0, EVENTS).map(stored);
    const model = modelOf(Account);
    const times = Math.ceil(400 * scale);
    let accounts: Pick<Account, 'owner' | 'balance' | 'limit' | 'movements'>[] = [];
    const proof = (): string => {
      const shown = accounts.map(({ owner, balance, limit, movements }) =>
        JSON.stringify([owner, balance, limit, movements]),
      );
      accounts = [];
      return `${shown.length} accounts: ${[...new Set(shown)].join(' or ')}`;
    };
    return {
      amount: EVENTS * times,
      expected: `${times} accounts: ["Ann of Green Gables",${balanceAfter(EVENTS)},950,980]`,
      ours: {
        proof,
        run() {
          for (let i = 0; i < times; i++) {
            const account = model.create('42');
            model.fold(account, events);
            accounts.push(account);
          }
        },
      },
      bare: {
        proof,
        run() {
          for (let i = 0; i < times; i++) accounts.push(foldByHand(events));
        },
      },
      close: async () => undefined,
    };
  },
};

/** As a store makes them: written out, so that all have one shape. */
function stored({ id, type, schemaVersion, data, metadata }: StampedEvent, i: number): StoredEvent {
  return {
    id,
    stream: 'account-42',
    version: i + 1,
    position: i + 1,
    appendIndex: i,
    type,
    schemaVersion,
    data,
    metadata,
    recordedAt: new Date(i),
  };
}

type Said =
  | { readonly type: 'account.opened'; readonly data: { readonly owner: string } }
  | { readonly type: 'account.limited'; readonly data: { readonly limit: number } }
  | { readonly type: 'account.deposited' | 'account.withdrawn'; readonly data: { readonly amount: number } };

function foldByHand(events: readonly StoredEvent[]) {
  const account = { owner: '', balance: 0, limit: 0, movements: 0 };
  for (const event of events) {
    const { type, data } = { type: event.type, data: JSON.parse(event.data) as unknown } as Said;
    switch (type) {
      case 'account.opened':
        account.owner = data.owner;
        break;
      case 'account.limited':
        account.limit = data.limit;
        break;
      case 'account.deposited':
        account.balance += data.amount;
        account.movements++;
        break;
      case 'account.withdrawn':
        account.balance -= data.amount;
        account.movements++;
        break;
    }
  }
  return account;
}
