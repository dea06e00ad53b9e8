import { readRecorded, type EventStore, type LogQuery, type StoredEvent } from '@backstory/core';
import { eventQuestion } from '../log-question.js';
import { writeCloudEvent } from './cloud-event.js';
import type { ExportHeader } from './export-format.js';

/** What is exported: the filters of a log, and an expression that has to hold. */
export interface ExportQuery extends Omit<LogQuery, 'backwards' | 'limit' | 'pageSize' | 'scan'> {
  readonly where?: string;
}

/** Lines of one page of the log, and how far it has been read. */
export interface ExportedPage {
  readonly lines: readonly string[];
  readonly through: number;
}

/** What an export of a log says of itself, as of now. */
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

/** The events of an export in the order of the log, page by page, after some position and up to its head. @throws InvalidExpression */
export async function* exportLines(
  store: EventStore,
  { where, ...query }: ExportQuery,
  { head, after }: { readonly head: number; readonly after: number },
): AsyncGenerator<ExportedPage, void> {
  const holds = where === undefined ? undefined : eventQuestion(where);
  const isTaken = (event: StoredEvent) => holds === undefined || holds(readRecorded(event));
  for await (const { events, through } of store.readAll({ ...query, after, upTo: head }))
    yield { lines: events.filter(isTaken).map(writeCloudEvent), through };
}
