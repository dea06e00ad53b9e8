import path from 'node:path';
import { BackstoryError, type EventStore } from '@backstory/core';
import { ExportReader, FactImport, checkExport, checkFacts, restoreExport } from '@backstory/replay/exchange';
import { counted } from '../counted.js';
import { Interrupted, UsageError } from '../errors.js';
import { withWritableLog } from '../open.js';
import { progressOn } from '../progress.js';
import type { VerbCall } from '../verb.js';
import { linesOf } from './lines-of.js';

/** Not all of a file is recorded, for something failed. */
export class ImportStopped extends BackstoryError {
  readonly code = 'BACKSTORY_IMPORT_STOPPED';
  constructor(
    readonly file: string,
    /** Events of the file that the log has now. */
    readonly recorded: number,
    readonly total: number,
    cause: unknown,
  ) {
    super(`${(cause as Error).message} ${goOn(recorded, total)}`, { cause });
  }
}

function goOn(recorded: number, total: number): string {
  return `${recorded} of ${total} events are recorded: the same command goes on, and records none of them twice.`;
}

/** `import --restore` */
export async function importRestoring(call: VerbCall): Promise<void> {
  const file = fileOf(call);
  const name = call.arguments[0] as string;
  // A file that cannot be restored makes no log.
  await reading(call, file, 'Checking', (lines) => checkExport(new ExportReader(name, lines), name));
  await reading(call, file, 'Restoring', async (lines) => {
    const reader = new ExportReader(name, lines);
    const restored = await withWritableLog(call, { isMade: true }, (log) => restoreExport(log, reader, name));
    const { events, identity } = restored;
    const answer = { action: 'restore', file: name, events, logId: identity.logId, head: identity.head };
    await call.report.answer(answer, () => [
      `${counted(events, 'event')} restored, up to position ${identity.head}: ids, versions, positions and times as they were`,
      `The log is another one to what follows it: a checkpoint of the first, ${reader.header!.logId}, is not taken up by it.`,
    ]);
  });
}

/** `import --as-new` */
export async function importAsNew(call: VerbCall): Promise<void> {
  const file = fileOf(call);
  const name = call.arguments[0] as string;
  const total = await reading(call, file, 'Checking', (lines) =>
    checkFacts(new ExportReader(name, lines), name),
  );
  await withWritableLog(call, { isMade: false }, (log) =>
    reading(call, file, 'Importing', async (lines) => {
      const reader = new ExportReader(name, refusingItself(lines, log, name));
      const importing = new FactImport(log);
      const made = await importing.run(reader, name).catch((error: unknown) => {
        throw stopped(error, name, importing, total);
      });
      await call.report.answer({ action: 'as-new', file: name, ...made }, () => sentences(made));
    }),
  );
}

function* sentences({ recorded, repeated, leftOut, withoutCause }: Awaited<ReturnType<FactImport['run']>>) {
  yield `${counted(recorded, 'event')} recorded`;
  if (repeated > 0) yield `${repeated} were recorded by an earlier import`;
  if (leftOut > 0)
    yield `${leftOut} of the framework itself were left out: they tell of the log they were in`;
  if (withoutCause > 0)
    yield `${withoutCause} were caused by events that are not here: recorded without a cause`;
}

function stopped(
  error: unknown,
  name: string,
  { recorded, repeated }: FactImport,
  total: number,
): BackstoryError {
  const there = recorded + repeated;
  if (error instanceof UsageError) return error;
  if (error instanceof Interrupted) return new Interrupted(`Interrupted: ${goOn(there, total)}`);
  return new ImportStopped(name, there, total, error);
}

/** What happened in a log would happen in it again. */
async function* refusingItself(
  lines: AsyncIterable<string>,
  log: EventStore,
  name: string,
): AsyncGenerator<string, void> {
  const { logId } = await log.identity();
  let isFirst = true;
  for await (const line of lines) {
    if (isFirst && line.includes(logId))
      throw new UsageError(
        'same-log',
        `${name} was exported from this log, in which all of it has happened: import it into another one, with --store.`,
      );
    isFirst = false;
    yield line;
  }
}

function fileOf({ io, arguments: [file] }: VerbCall): string {
  return path.resolve(io.cwd, file as string);
}

async function reading<T>(
  { io }: VerbCall,
  file: string,
  label: string,
  work: (lines: AsyncIterable<string>) => Promise<T>,
): Promise<T> {
  const progress = await progressOn(io, label);
  try {
    return await work(linesOf(file, { signal: io.signal, onProgress: progress.update }));
  } finally {
    progress.stop();
  }
}
