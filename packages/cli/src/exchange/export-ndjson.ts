import path from 'node:path';
import type { EventStore, StoredEvent } from '@backstory/core';
import { exportHeader, exportLines, type ExportQuery } from '@backstory/replay/exchange';
import { counted } from '../counted.js';
import { Interrupted, UsageError } from '../errors.js';
import { selectionOf, type FilterValues } from '../filters.js';
import { progressOn } from '../progress.js';
import type { VerbCall } from '../verb.js';
import { partOf } from '../part-file.js';
import { ExportFile } from './export-file.js';

/** The options of `export`. */
export interface ExportValues extends FilterValues {
  readonly out?: string;
  readonly format?: 'ndjson' | 'xes';
  readonly resume?: boolean;
}

/** Where an export goes. @throws UsageError */
export function outOf({ io }: VerbCall, { out }: ExportValues): string {
  if (out !== undefined) return path.resolve(io.cwd, out);
  throw new UsageError('missing-option', 'Say where to: backstory export --out <file>.');
}

/** Writes events as CloudEvents, a line each; a page of them is in memory at a time. @throws Interrupted — the part is kept */
export async function exportNdjson(call: VerbCall, log: EventStore, values: ExportValues): Promise<void> {
  const out = outOf(call, values);
  // Before there is a file: a filter that means nothing leaves none.
  const { query: narrowed, ...filtered } = selectionOf(values, call.io);
  const query: ExportQuery = { ...narrowed, ...filtered };
  const file = await open(call, log, { out, query, isResumed: values.resume === true });
  const { header } = file;
  try {
    await write(call, log, { file, query });
  } catch (error) {
    const { events } = file;
    await file.stop();
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(`Interrupted: ${events} events are in ${partOf(out)}, and --resume goes on.`);
  }
  const footer = await file.end();
  const answer = { file: path.relative(call.io.cwd, out), ...header, ...footer };
  await call.report.answer(answer, (paper) => [
    `${counted(footer.events, 'event')} in ${paper.name(answer.file)}, up to position ${header.head}`,
  ]);
  if (!values.system)
    await call.report.note("Without the framework's own events, such as seals: --system takes them along.");
}

interface Opening {
  readonly out: string;
  readonly query: ExportQuery;
  readonly isResumed: boolean;
}

async function open(
  { io }: VerbCall,
  log: EventStore,
  { out, query, isResumed }: Opening,
): Promise<ExportFile> {
  const wanted = await exportHeader(log, query);
  const resumed = isResumed ? await ExportFile.resume(out, wanted, { signal: io.signal }) : undefined;
  if (!resumed) return ExportFile.begin(out, wanted);
  if (resumed.last && !(await holds(log, resumed.last))) {
    await resumed.stop();
    throw new UsageError(
      'other-export',
      `${partOf(out)} has an event at position ${resumed.last.position} that this log has not: remove it to begin again, without --resume.`,
    );
  }
  return resumed;
}

/** Whether a log still has what was exported of it: it may have been restored since. */
async function holds(log: EventStore, { position, id }: StoredEvent): Promise<boolean> {
  for await (const { events } of log.readAll({ after: position - 1, upTo: position, includeSystem: true }))
    return events[0]?.id === id;
  return false;
}

interface Writing {
  readonly file: ExportFile;
  readonly query: ExportQuery;
}

async function write({ io }: VerbCall, log: EventStore, { file, query }: Writing): Promise<void> {
  const { head } = file.header;
  const after = Math.max(query.after ?? 0, file.last?.position ?? 0);
  const progress = await progressOn(io, 'Exporting');
  try {
    for await (const { lines, through } of exportLines(log, query, { head, after })) {
      if (io.signal?.aborted) throw new Interrupted();
      await file.write(lines);
      progress.update(Math.min(through, head) - after, head - after);
    }
  } finally {
    progress.stop();
  }
}
