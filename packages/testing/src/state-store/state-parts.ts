import type { StateStore } from '@backstory/core';
import type { ConformanceCase } from '../conformance.js';
import type { StateStoreHarness } from '../state-store-harness.js';

export type Case = ConformanceCase<StateStoreHarness>;

export function noStateClock({ openWithClock }: StateStoreHarness): string | undefined {
  return openWithClock ? undefined : 'the harness cannot set the clock';
}

export function noOtherConnection({ openAnother }: StateStoreHarness): string | undefined {
  return openAnother ? undefined : 'the harness has no second connection';
}

export function keepsNothing({ reopen }: StateStoreHarness): string | undefined {
  return reopen ? undefined : 'the store declares that it keeps nothing';
}

export function put(store: StateStore, collection: string, entries: Record<string, string>): Promise<void> {
  const given = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return store.transaction(undefined, (state) => state.putMany(collection, given));
}

/** Everything in a collection, as keys and values in their order. */
export function contents(store: StateStore, collection: string): Promise<[string, string][]> {
  return store.read(async (state) =>
    (await state.list(collection)).map(({ key, value }): [string, string] => [key, value]),
  );
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}
