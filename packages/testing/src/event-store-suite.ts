import type { StoreCapabilities } from '@backstory/core/store';
import { describeCases, grouped, type ConformanceCase } from './conformance.js';
import { allOrNothingCases } from './event-store/all-or-nothing.js';
import { appendIdentityCases } from './event-store/append-identity.js';
import { appendModelCases } from './event-store/append-model.js';
import { badInputCases } from './event-store/bad-input.js';
import { boundsCases } from './event-store/bounds.js';
import { durabilityCases } from './event-store/durability.js';
import { followerCases } from './event-store/followers.js';
import { lifecycleCases } from './event-store/lifecycle.js';
import { logIdentityCases } from './event-store/log-identity.js';
import { pagesModelCases } from './event-store/pages-model.js';
import { restoreCases } from './event-store/restore.js';
import { valueCases } from './event-store/values.js';
import { versionCases } from './event-store/versions.js';
import type { EventStoreHarness } from './event-store-harness.js';

/** A promise of the event store port, by its number there, and one sentence of it. */
export interface EventStoreCase extends ConformanceCase<EventStoreHarness> {
  readonly promise: PromiseNumber;
}

export type PromiseNumber = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Every case, in the order of the promises. */
export const eventStoreCases: readonly EventStoreCase[] = [
  ...promised(1, durabilityCases),
  ...promised(2, allOrNothingCases),
  ...promised(3, versionCases),
  ...promised(4, followerCases),
  ...promised(5, [...appendIdentityCases, ...appendModelCases]),
  ...promised(6, [...boundsCases, ...pagesModelCases]),
  ...promised(7, [...valueCases, ...badInputCases]),
  ...promised(8, [...logIdentityCases, ...restoreCases, ...lifecycleCases]),
];

/**
 * Registers the conformance suite of the event store port with the test runner.
 *
 * ```ts
 * describeEventStore('my store', { capabilities, open: () => openMyStore(), reopen, cleanup });
 * ```
 */
export function describeEventStore(name: string, harness: EventStoreHarness): void {
  const missing = declaredMissing(harness.capabilities);
  if (missing.length > 0) process.stderr.write(`${name} declares: ${missing.join('; ')}\n`);
  describeCases(
    name,
    grouped(eventStoreCases, ({ promise }) => `${promise} ${PROMISES[promise]}`),
    harness,
  );
}

const PROMISES: Readonly<Record<PromiseNumber, string>> = {
  1: 'acknowledged means durable',
  2: 'all or nothing',
  3: 'of several writers at one expected version exactly one wins',
  4: 'a follower sees every event, once, in order',
  5: 'a repeated append returns the first result',
  6: 'pages, limits, bounds and directions are exact',
  7: 'any text survives exactly, bad input is refused alike',
  8: 'a checkpoint is never silently ahead of its log',
};

function promised(
  promise: PromiseNumber,
  cases: readonly ConformanceCase<EventStoreHarness>[],
): EventStoreCase[] {
  return cases.map((one) => ({ ...one, promise }));
}

function declaredMissing(capabilities: StoreCapabilities): string[] {
  const { durable, multiStreamAppends, densePositions, unindexed } = capabilities;
  const missing = [];
  if (!durable) missing.push('what is acknowledged is gone when the process ends');
  if (!multiStreamAppends) missing.push('one append may write to one stream only');
  if (!densePositions) missing.push('positions have gaps');
  if (unindexed.length > 0) missing.push(`needs { scan: true } to read by ${unindexed.join(', ')}`);
  return missing;
}
