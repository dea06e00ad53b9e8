import type { StateStore } from '@backstory/core';
import type { ConformanceCase } from '../conformance.js';
import type { StateStoreHarness } from '../state-store-harness.js';

export type Case = ConformanceCase<StateStoreHarness>;

export function noStateClock(harness: StateStoreHarness): string | undefined {
  return harness.openWithClock ? undefined : 'the harness cannot set the clock';
}

export function noOtherConnection(harness: StateStoreHarness): string | undefined {
  return harness.openAnother ? undefined : 'the harness has no second connection';
}

export function keepsNothing(harness: StateStoreHarness): string | undefined {
  return harness.capabilities.durable ? undefined : 'the store declares that it is not durable';
}

export function put(store: StateStore, collection: string, entries: Record<string, string>): Promise<void> {
  const given = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return store.transaction([], (state) => state.putMany(collection, given));
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
