import { describeCases, grouped, type ConformanceCase } from './conformance.js';
import { entryCases } from './state-store/entries.js';
import { fenceCases } from './state-store/fences.js';
import { leaseCases } from './state-store/leases.js';
import { stateLifecycleCases } from './state-store/state-lifecycle.js';
import { transactionCases } from './state-store/transactions.js';
import type { StateStoreHarness } from './state-store-harness.js';

export type StateStoreSubject = 'transactions' | 'entries' | 'fences' | 'leases' | 'lifecycle';

/** One sentence of the state store port. */
export interface StateStoreCase extends ConformanceCase<StateStoreHarness> {
  readonly about: StateStoreSubject;
}

/** Every case. */
export const stateStoreCases: readonly StateStoreCase[] = [
  ...about('transactions', transactionCases),
  ...about('entries', entryCases),
  ...about('fences', fenceCases),
  ...about('leases', leaseCases),
  ...about('lifecycle', stateLifecycleCases),
];

/** Registers the conformance suite of the state store port with the test runner. */
export function describeStateStore(name: string, harness: StateStoreHarness): void {
  if (!harness.capabilities.durable)
    process.stderr.write(`${name} declares: what is stored is gone when the process ends\n`);
  describeCases(
    name,
    grouped(stateStoreCases, (one) => one.about),
    harness,
  );
}

function about(
  subject: StateStoreSubject,
  cases: readonly ConformanceCase<StateStoreHarness>[],
): StateStoreCase[] {
  return cases.map((one) => ({ ...one, about: subject }));
}
