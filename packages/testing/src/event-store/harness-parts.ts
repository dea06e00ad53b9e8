import assert from 'node:assert/strict';
import type { EventStore } from '@backstory/core';
import type { ConformanceCase } from '../conformance.js';
import type { EventStoreHarness } from '../event-store-harness.js';

export type Case = ConformanceCase<EventStoreHarness>;

/** For `unless`: the store writes to one stream an append. */
export function oneStreamOnly({ capabilities }: EventStoreHarness): string | undefined {
  return capabilities.multiStreamAppends
    ? undefined
    : 'the store declares that one append writes to one stream only';
}

/** For `unless`: a store that is not durable need not be reopened. One that says it is durable is held to it. */
export function notDurable(harness: EventStoreHarness): string | undefined {
  return harness.capabilities.durable || harness.reopen
    ? undefined
    : 'the store declares that it is not durable';
}

export function noClock(harness: EventStoreHarness): string | undefined {
  return harness.openWithClock ? undefined : 'the harness cannot set the clock';
}

export function noSecondConnection(harness: EventStoreHarness): string | undefined {
  return harness.openAnother ? undefined : 'the harness has no second connection';
}

export async function reopened(harness: EventStoreHarness, store: EventStore): Promise<EventStore> {
  if (!harness.reopen) assert.fail('the store declares that it is durable: give its harness `reopen`');
  return harness.reopen(store);
}

/** Waits for what must happen at last, and says what did not. */
export async function eventually<T>(harness: EventStoreHarness, what: string, work: Promise<T>): Promise<T> {
  const { patienceMs = 5_000 } = harness;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patienceMs} ms in vain: ${what}`)), patienceMs);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lets timers and what came from outside have their turn: a store in memory answers without ever waiting for them. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
