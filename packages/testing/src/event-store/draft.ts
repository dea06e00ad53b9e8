import assert from 'node:assert/strict';
import {
  newId,
  type EventStore,
  type ExpectedVersion,
  type LogPage,
  type StampedEvent,
} from '@backstory/core';
import type { BackstoryError, StoredEvent, Write } from '@backstory/core';

/** What a case says of an event; the rest is made up. */
export interface EventDraft {
  readonly id?: string;
  readonly type?: string;
  readonly schemaVersion?: number;
  readonly data?: string;
  readonly metadata?: string;
  readonly correlationId?: string;
  readonly causationId?: string;
}

/** A valid event with a new id. */
export function event({ correlationId, causationId, ...given }: EventDraft = {}): StampedEvent {
  const id = given.id ?? newId();
  const metadata = JSON.stringify({
    correlationId: correlationId ?? id,
    causationId,
    source: 'conformance',
    occurredAt: '2026-01-02T03:04:05.678Z',
  });
  return { type: 'thing.happened', schemaVersion: 1, data: '{"n":1}', metadata, ...given, id };
}

export function events(count: number, draft: EventDraft = {}): StampedEvent[] {
  return Array.from({ length: count }, () => event(draft));
}

export function write(stream: string, expected: ExpectedVersion, ...given: readonly StampedEvent[]): Write {
  return { stream, expected, events: given.length > 0 ? given : [event()] };
}

/** All pages of a read. */
export async function pagesOf(pages: AsyncIterable<LogPage>): Promise<LogPage[]> {
  const all: LogPage[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

/** All events of a read. */
export async function eventsOf(pages: AsyncIterable<LogPage>): Promise<StoredEvent[]> {
  return (await pagesOf(pages)).flatMap((page) => page.events);
}

/** The whole log, system streams included. */
export function wholeLog(store: EventStore): Promise<StoredEvent[]> {
  return eventsOf(store.readAll({ includeSystem: true }));
}

export function positionsOf(given: readonly StoredEvent[]): number[] {
  return given.map(({ position }) => position);
}

/** The call fails with this code and at least these facts. Classes are not compared: a package may be loaded twice. */
export async function refused(
  call: Promise<unknown>,
  code: BackstoryError['code'],
  facts: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const outcome = await call.then(
    () => 'nothing was thrown',
    (error: Partial<BackstoryError>) => error,
  );
  if (typeof outcome === 'string') assert.fail(`expected ${code}, but ${outcome}`);
  const seen = Object.fromEntries(Object.keys(facts).map((name) => [name, outcome.facts?.[name]]));
  assert.deepEqual({ code: outcome.code, ...seen }, { code, ...facts }, outcome.message ?? 'thrown');
}

/** What `work` tries is refused and leaves no trace. */
export async function writesNothing(store: EventStore, work: () => Promise<void>): Promise<void> {
  const before = { log: await wholeLog(store), identity: await store.identity() };
  await work();
  assert.deepEqual({ log: await wholeLog(store), identity: await store.identity() }, before);
}
