import { readRecorded, type EventStore, type LogQuery, type StoredEvent } from '@backstory/core';
import type { Filter } from '@backstory/router/filter';
import { writeCloudEvent } from './cloud-event.js';
import type { ExportHeader } from './export-format.js';

/** What is exported: what a log is asked for, and what of it a filter lets through. */
export interface ExportQuery extends Omit<LogQuery, 'backwards' | 'limit' | 'pageSize' | 'scan'> {
  readonly filter?: Filter;
}

/** Lines of one page of the log, and how far it has been read. */
export interface ExportedPage {
  readonly lines: readonly string[];
  readonly through: number;
}

/** What an export of a log says of itself, as of now. @throws FilterNotSerialisable */
export async function exportHeader(store: EventStore, query: ExportQuery): Promise<ExportHeader> {
  const { logId, head } = await store.identity();
  const { includeSystem, ...narrowing } = query;
  return {
    format: 'backstory.export/1',
    logId,
    head: Math.min(head, query.upTo ?? head),
    isWhole: includeSystem === true && Object.keys(narrowing).length === 0,
    filters: JSON.parse(JSON.stringify(query)) as ExportHeader['filters'],
    exportedAt: new Date().toISOString(),
  };
}

/** The events of an export in the order of the log, page by page, after some position and up to its head. */
export async function* exportLines(
  store: EventStore,
  { filter, ...query }: ExportQuery,
  { head, after }: { readonly head: number; readonly after: number },
): AsyncGenerator<ExportedPage, void> {
  const isTaken = (event: StoredEvent) => filter?.matches(readRecorded(event)) ?? true;
  const asked = { ...filter?.toQuery(), ...query, after, upTo: head };
  for await (const { events, through } of store.readAll(asked))
    yield { lines: events.filter(isTaken).map(writeCloudEvent), through };
}
