import { Recorder, deriveId, type EventMetadata, type EventStore, type NewEvent } from '@backstory/core';
import { isSystemStream } from '@backstory/core/store';
import { dataOf } from './cloud-event.js';
import { InvalidExport } from './export-format.js';
import type { ExportReader, ExportedEvent } from './export-reader.js';
import { checkForm } from './restore-export.js';

/** What became of the events of a file. */
export interface ImportedAsNew {
  /** Recorded now. */
  readonly recorded: number;
  /** Recorded by an earlier run. */
  readonly repeated: number;
  /** Events of the framework itself, which tell of the log that they were in. */
  readonly leftOut: number;
  /** Events whose cause is not in the log: they are recorded without one. */
  readonly withoutCause: number;
}

/** An event as it is to be recorded. */
interface Fact {
  readonly line: number;
  readonly stream: string;
  /** Follows from where it was: the same event has the same id in every run. */
  readonly id: string;
  /** What its cause is called here. */
  readonly causeId: string | undefined;
  readonly event: NewEvent & { readonly metadata: Partial<EventMetadata> };
}

/** Who records what does not say who recorded it. */
const SOURCE = 'import';

/** So many appends are under way at a time; they keep their order. */
const AT_ONCE = 256;

/** The facts of a file, in its order; `undefined` for what is left out. @throws InvalidExport */
async function* factsIn(reader: ExportReader, file: string): AsyncGenerator<Fact | undefined, void> {
  for await (const exported of reader.read()) {
    const fact = factOf(exported, reader, file);
    yield isSystemStream(fact.stream) ? undefined : fact;
  }
}

/** Reads a file to its end, so that none is recorded of which a part cannot be. Gives how many events it has. @throws InvalidExport */
export async function checkFacts(reader: ExportReader, file: string): Promise<number> {
  let count = 0;
  for await (const fact of factsIn(reader, file)) {
    count++;
    if (!fact) continue;
    const { line, stream, id, event } = fact;
    const { type, schemaVersion = 1, data, metadata } = event;
    const whole = { correlationId: id, source: SOURCE, occurredAt: new Date().toISOString(), ...metadata };
    const stamped = { stream, id, type, schemaVersion, data, metadata: JSON.stringify(whole) };
    checkForm(stamped, (problem) => new InvalidExport(file, line, 'event', problem));
  }
  return count;
}

/** Records the events of a file as new facts, each once however often the file is imported. */
export class FactImport {
  recorded = 0;
  repeated = 0;
  leftOut = 0;
  withoutCause = 0;
  private readonly recorder: Recorder;
  private underWay: Promise<void>[] = [];
  private recent = new Set<string>();

  constructor(private readonly store: EventStore) {
    this.recorder = new Recorder(store, { source: SOURCE });
  }

  /** What is under way when it fails is waited for. @throws InvalidExport, and what the store says */
  async run(reader: ExportReader, file: string): Promise<ImportedAsNew> {
    try {
      for await (const fact of factsIn(reader, file)) {
        if (!fact) this.leftOut++;
        else this.underWay.push(this.record(fact, await this.causeOf(fact)));
        if (this.underWay.length < AT_ONCE) continue;
        await this.settle();
      }
    } finally {
      await this.settle();
    }
    const { recorded, repeated, leftOut, withoutCause } = this;
    return { recorded, repeated, leftOut, withoutCause };
  }

  private async record({ stream, id, event }: Fact, causationId: string | undefined): Promise<void> {
    const metadata = { ...event.metadata, ...(causationId !== undefined && { causationId }) };
    const write = { stream, expected: 'any', events: [{ ...event, metadata }] } as const;
    const { repeated } = await this.recorder.record([write], { appendId: id });
    if (repeated) this.repeated++;
    else this.recorded++;
  }

  /** Waits for all, then tells the first failure. */
  private async settle(): Promise<void> {
    const results = await Promise.allSettled(this.underWay.splice(0));
    const failed = results.find((it) => it.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** A cause is what is recorded: in this file before, or by an earlier import. */
  private async causeOf({ id, causeId }: Fact): Promise<string | undefined> {
    const isKnown = causeId === undefined || this.recent.has(causeId) || (await this.isRecorded(causeId));
    this.remember(id);
    if (isKnown) return causeId;
    this.withoutCause++;
    return undefined;
  }

  private remember(id: string): void {
    if (this.recent.size >= 100_000) this.recent = new Set();
    this.recent.add(id);
  }

  private async isRecorded(id: string): Promise<boolean> {
    await this.settle();
    for await (const { events } of this.store.readAll({ ids: [id] })) if (events.length > 0) return true;
    return false;
  }
}

function factOf(exported: ExportedEvent, reader: ExportReader, file: string): Fact {
  const { line, event } = exported;
  if (!event) return foreignFact(exported, file);
  const { stream, id, type, schemaVersion, data } = event;
  const { causationId, origin, ...metadata } = metadataIn(exported, file);
  const logId = reader.header?.logId;
  const own = {
    ...metadata,
    ...(origin === undefined ? {} : { earlierOrigin: origin }),
    origin: logId === undefined ? `backstory:${id}` : `backstory:${logId}/${id}`,
  };
  const ids = { id: derived(id), causeId: causationId && derived(causationId) };
  return { line, stream, ...ids, event: { type, schemaVersion, data, metadata: own } };
}

function metadataIn({ line, event }: ExportedEvent, file: string): Partial<EventMetadata> {
  try {
    return JSON.parse(event!.metadata) as Partial<EventMetadata>;
  } catch (cause) {
    throw new InvalidExport(file, line, 'event', 'its metadata is no JSON.', { cause });
  }
}

/** A fact of another system: its subject is the stream, its type and time are kept, and what else it says of itself. */
function foreignFact({ line, read }: ExportedEvent, file: string): Fact {
  const refuse = (problem: 'format' | 'no-stream', message: string) =>
    new InvalidExport(file, line, problem, message);
  const { specversion, id, source, type, subject, time, correlationid, ...others } = read;
  if (specversion !== '1.0' || !isText(id) || !isText(source) || !isText(type))
    throw refuse('format', 'it is no CloudEvent 1.0, which has specversion, id, source and type.');
  if (!isText(subject))
    throw refuse('no-stream', 'it has no subject, which is the stream that an event is recorded in.');
  const occurredAt = time === undefined ? undefined : new Date(isText(time) ? time : NaN);
  if (occurredAt && Number.isNaN(occurredAt.getTime()))
    throw refuse('format', `its time is none: ${JSON.stringify(time)}`);
  const { data: _, data_base64: __, datacontenttype: ___, ...cloudEvent } = others;
  const metadata = {
    source,
    ...(occurredAt && { occurredAt: occurredAt.toISOString() }),
    ...(isText(correlationid) && { correlationId: correlationid }),
    ...(Object.keys(cloudEvent).length > 0 && { cloudEvent }),
    origin: `cloudevents:${source}/${id}`,
  };
  const event = { type, schemaVersion: 1, data: dataIn(read, refuse), metadata };
  return { line, stream: subject, id: derived(source, id), causeId: undefined, event };
}

function dataIn(
  read: ExportedEvent['read'],
  refuse: (problem: 'format', message: string) => InvalidExport,
): string {
  try {
    return dataOf(read);
  } catch (cause) {
    throw refuse('format', (cause as Error).message);
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** The same event is the same fact, whichever copy of a log it was exported from. */
function derived(...from: readonly string[]): string {
  return deriveId('backstory.import', ...from);
}
