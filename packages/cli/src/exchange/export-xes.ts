import fs from 'node:fs';
import path from 'node:path';
import { readRecorded, type EventStore, type LogQuery, type RecordedEvent } from '@backstory/core';
import { streams } from '@backstory/replay';
import { counted } from '../counted.js';
import { Interrupted, UsageError } from '../errors.js';
import { asked, selectionOf } from '../filters.js';
import { beginPart, endPart, partOf } from '../part-file.js';
import { progressOn } from '../progress.js';
import type { VerbCall } from '../verb.js';
import { outOf, type ExportValues } from './export-ndjson.js';
import { END, beginning, eventElement, traceBeginning, TRACE_END } from './xes.js';

/** Writes a trace a stream; one page of events is in memory at a time. @throws Interrupted, UsageError */
export async function exportXes(call: VerbCall, log: EventStore, values: ExportValues): Promise<void> {
  const out = outOf(call, values);
  const names = await namesOf(log, values);
  const file = beginPart(out);
  let made;
  try {
    made = await write(call, log, { file, names, values });
    fs.fsyncSync(file);
    endPart(out, file);
  } catch (error) {
    fs.rmSync(partOf(out), { force: true });
    throw error;
  } finally {
    fs.closeSync(file);
  }
  const answer = { file: path.relative(call.io.cwd, out), format: 'xes', ...made };
  await call.report.answer(answer, (paper) => [
    `${counted(made.events, 'event')} of ${counted(made.traces, 'stream')} in ${paper.name(answer.file)}`,
  ]);
}

/** @throws UsageError */
async function namesOf(
  log: EventStore,
  { category, stream, resume }: ExportValues,
): Promise<readonly string[]> {
  if (resume)
    throw new UsageError(
      'conflicting-options',
      '--resume is for exports of CloudEvents: leave it out of --format xes.',
    );
  if (stream) return stream;
  if (!category)
    throw new UsageError(
      'missing-option',
      '--format xes makes traces of streams of one kind: say which, with --category <name>.',
    );
  const names: string[] = [];
  for await (const it of streams(log, { categories: category })) names.push(it.stream);
  return names;
}

interface Writing {
  readonly file: number;
  readonly names: readonly string[];
  readonly values: ExportValues;
}

async function write(
  { io }: VerbCall,
  log: EventStore,
  { file, names, values }: Writing,
): Promise<{ readonly traces: number; readonly events: number }> {
  const selection = selectionOf(values, io);
  const { categories: _, ...query } = asked(selection);
  const progress = await progressOn(io, 'Exporting');
  let [traces, events] = [0, 0];
  try {
    fs.writeSync(file, beginning());
    for (const [done, name] of names.entries()) {
      let isBegun = false;
      for await (const found of eventsOf(log, { ...query, streams: [name] })) {
        if (io.signal?.aborted) throw new Interrupted();
        const taken = found.filter((it) => selection.filter?.matches(it) ?? true);
        if (taken.length === 0) continue;
        fs.writeSync(file, (isBegun ? '' : traceBeginning(name)) + taken.map(eventElement).join(''));
        isBegun = true;
        events += taken.length;
      }
      if (isBegun) fs.writeSync(file, TRACE_END);
      traces += Number(isBegun);
      progress.update(done + 1, names.length);
    }
    fs.writeSync(file, END);
    return { traces, events };
  } finally {
    progress.stop();
  }
}

async function* eventsOf(log: EventStore, query: LogQuery): AsyncGenerator<readonly RecordedEvent[], void> {
  for await (const { events } of log.readAll(query)) yield events.map(readRecorded);
}
