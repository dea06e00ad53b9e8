import fs from 'node:fs';
import path from 'node:path';
import type { StoredEvent } from '@backstory/core';
import type { EventTypes } from '@backstory/events';
import type { ReplaySource } from '@backstory/replay';
import { Pseudonyms, Redaction, capturedStreams, type CapturedStreams } from '@backstory/replay/capture';
import { exportHeader, writeCloudEvent } from '@backstory/replay/exchange';
import { counted } from '../counted.js';
import { Interrupted, UsageError } from '../errors.js';
import { ExportFile } from '../exchange/export-file.js';
import { partOf, requireFree, requireWritable } from '../part-file.js';
import type { VerbCall } from '../verb.js';
import { testText } from './test-text.js';

/** The options of `capture`. */
export interface CaptureValues {
  readonly out?: string;
  readonly test?: string;
  readonly atVersion?: number;
  /** A list for each time that it was given. */
  readonly redact?: readonly (readonly string[])[];
  readonly key?: string;
  readonly config?: string;
}

/** A log, and what is known of its application: without its types nobody knows which fields are personal. */
export interface CaptureSource extends ReplaySource {
  readonly types: EventTypes | undefined;
}

/** Writes the history, and the test where one is wanted; what cannot be redacted leaves neither. */
export async function captureTo(call: VerbCall, source: CaptureSource, values: CaptureValues): Promise<void> {
  const [name] = call.arguments as [string];
  const { cwd } = call.io;
  const { atVersion, test, key } = values;
  if (key === '')
    throw new UsageError(
      'empty-key',
      '--key is empty, so anybody could make the same pseudonyms: give a text, or leave --key out.',
    );
  const redaction = new Redaction((values.redact ?? []).flat(), new Pseudonyms(key), source.types);
  const out = path.resolve(cwd, values.out ?? `${redaction.stream(name).replace(/[^\w.-]+/g, '_')}.ndjson`);
  const testFile = test === undefined ? undefined : path.resolve(cwd, test);
  if (testFile !== undefined) {
    requireFree(testFile, '--test');
    requireWritable(testFile, '--test');
  }
  const what = await capturedStreams(source.events, name, atVersion === undefined ? {} : { atVersion });
  if (atVersion !== undefined && !what.streams.includes(name))
    throw new UsageError(
      'conflicting-options',
      `${name} is a flow, and --at-version is of a stream: leave it out, or capture one of its streams.`,
    );
  const inTest = (captured: readonly StoredEvent[]) =>
    testFile === undefined
      ? undefined
      : testText(source, { call, testFile, captured, redacted: redactedIn(redaction) });
  const { file, text } = await write(call, source, {
    out,
    what,
    redaction,
    inTest: testFile === undefined ? undefined : inTest,
  });
  const { events } = await file.end();
  if (testFile !== undefined && text !== undefined) fs.writeFileSync(testFile, text);
  const streams = what.streams.map((it) => redaction.stream(it));
  const answer = {
    file: path.relative(cwd, out),
    test: testFile === undefined ? null : path.relative(cwd, testFile),
    streams,
    upTo: what.upTo,
    events,
    redacted: redactedIn(redaction),
    leftovers: Object.fromEntries(redaction.leftovers),
  };
  await call.report.answer(answer, (paper) => [
    `${counted(events, 'event')} of ${streams.length === 1 ? paper.name(streams[0]!) : `${streams.length} streams`} in ${paper.name(answer.file)}`,
    ...(answer.test === null ? [] : [`a test that reproduces it in ${paper.name(answer.test)}`]),
    ...(answer.redacted.length === 0 ? [] : [`redacted: ${paper.plain(answer.redacted.join(', '))}`]),
  ]);
  for (const note of notesOf(source, redaction)) await call.report.note(note);
}

function redactedIn({ paths, personal }: Redaction): readonly string[] {
  return [...new Set([...paths, ...personal])];
}

/** What somebody has to look at before the file is given away. */
function* notesOf({ types }: CaptureSource, { older, leftovers }: Redaction): Generator<string, void> {
  if (!types)
    yield 'Which fields are personal is not known without a configuration: only --redact was heeded.';
  if (older.size > 0)
    yield `Some events of ${[...older].join(', ')} have older data: look whether what is personal had other names then, and --redact these.`;
  if (leftovers.size === 0) return;
  const places = [...leftovers].map(([place, events]) => `${place} (${counted(events, 'event')})`);
  yield `What is redacted still stands in ${places.join(', ')}: --redact ${[...leftovers.keys()].join(',')} as well.`;
}

interface Writing {
  readonly out: string;
  readonly what: CapturedStreams;
  readonly redaction: Redaction;
  /** What the events are in a test, where one is wanted. */
  readonly inTest: ((captured: readonly StoredEvent[]) => string | undefined) | undefined;
}

async function write(
  { io }: VerbCall,
  { events: log }: ReplaySource,
  { out, what, redaction, inTest }: Writing,
): Promise<{ readonly file: ExportFile; readonly text: string | undefined }> {
  const { streams, upTo } = what;
  const shown = { streams: streams.map((it) => redaction.stream(it)), upTo };
  const header = await exportHeader(log, shown);
  const redacted = redaction.everything.length === 0 ? {} : { redacted: redaction.everything };
  const file = await ExportFile.begin(out, { ...header, ...redacted });
  const captured: StoredEvent[] = [];
  try {
    for await (const { events } of log.readAll({ streams, upTo })) {
      if (io.signal?.aborted) throw new Interrupted();
      const made = events.map((it) => redaction.of(it));
      await file.write(made.map(writeCloudEvent));
      if (inTest) captured.push(...made);
    }
    requireMatched(redaction);
    return { file, text: inTest?.(captured) };
  } catch (error) {
    await file.stop();
    fs.rmSync(partOf(out), { force: true });
    throw error;
  }
}

/** @throws UsageError: a path that is misspelt would leave what it means to hide */
function requireMatched({ unmatched, names }: Redaction): void {
  const [path] = unmatched;
  if (path === undefined) return;
  const known = [...names].sort().join(', ');
  throw new UsageError(
    'nothing-to-redact',
    `--redact ${path} is in none of the events${known === '' ? '' : `: their data have ${known}`}. Nothing was written.`,
  );
}
