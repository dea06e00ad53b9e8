import type { EventStore, StoredEvent } from '@backstory/core';
import { writeHeader } from '@backstory/proof/seal';
import { NotProvable } from './errors.js';
import {
  LogUnreadable,
  canBeRead,
  isDamage,
  readLog,
  type LogRange,
  type ReadOptions,
  type UnreadableEvent,
} from './log-reader.js';
import { oneAhead } from './one-ahead.js';

/** Some events of the log that follow each other, as texts: see `TextsPage` of the store. Good until the next block is asked for. */
export interface TextBlock {
  readonly count: number;
  /** The position of the last of them. */
  readonly last: number;
  readonly bytes: Uint8Array;
}

/** How a log is read as texts. */
export interface TextOptions extends ReadOptions {
  /** How many leaves there are before, so that blocks are whole subtrees. */
  readonly size: number;
}

/** A block is a subtree of so many leaves; less at the beginning and end, and where events are large. */
export const BLOCK = 1_024;
const LARGEST = 2 * 2 ** 20;

/** A part of the log as texts, in order: from the store as it has them, else made of the events that it gives. */
export function logTexts(
  store: EventStore,
  range: LogRange,
  { size, ...reading }: TextOptions,
): AsyncGenerator<TextBlock | UnreadableEvent, unknown> {
  return store.readTexts
    ? storedTexts(store, range, { size, ...reading })
    : textsOf(readLog(store, range, reading), size);
}

/**
 * As the store has them. What it cannot give so is not asked for as an event: drivers and decoders take other values for those that
 * were recorded. Gives how many leaves there are then.
 */
async function* storedTexts(
  store: EventStore,
  { after, upTo }: LogRange,
  options: TextOptions,
): AsyncGenerator<TextBlock | UnreadableEvent, number> {
  let { size } = options;
  for (;;) {
    const { signal, tolerant } = options;
    let failure: Error;
    try {
      const part = { after, upTo, first: BLOCK - (size % BLOCK), pageSize: BLOCK };
      for await (const page of oneAhead(store.readTexts!(part))) {
        signal?.throwIfAborted();
        after = page.through;
        size += page.count;
        if (page.count > 0) yield page;
      }
      return size;
    } catch (error) {
      if (signal?.aborted || !isDamage(error)) throw error;
      failure = error;
    }
    const nothing = { after: upTo, upTo, first: 1, pageSize: 1 };
    if (!(await canBeRead(store.readTexts!(nothing))))
      throw options.tolerant ? new LogUnreadable(failure.message, { cause: failure }) : failure;
    if (upTo - after <= 1) {
      if (!tolerant) throw notProvable(upTo, failure);
      yield { position: upTo, message: failure.message };
      return size;
    }
    // The page that failed has good events in it: halves of the rest are read until the bad one is alone.
    const middle = after + Math.floor((upTo - after) / 2);
    size = yield* storedTexts(store, { after, upTo: middle }, { ...options, size });
    after = middle;
  }
}

/** @internal */
export function notProvable(position: number, cause: Error): NotProvable {
  const message = `The event at position ${position} cannot be read (${cause.message}): run "backstory audit verify".`;
  return new NotProvable(`position ${position}`, 'damaged', message, { cause });
}

async function* textsOf(
  found: AsyncIterable<readonly StoredEvent[] | UnreadableEvent>,
  size: number,
): AsyncGenerator<TextBlock | UnreadableEvent, void> {
  const writer = new TextWriter();
  const block = (): TextBlock => {
    const made = writer.take();
    size += made.count;
    return made;
  };
  for await (const part of found) {
    if ('message' in part) {
      if (writer.count > 0) yield block();
      yield part;
    } else {
      for (const event of part) {
        writer.add(event);
        if ((size + writer.count) % BLOCK === 0 || writer.length > LARGEST) yield block();
      }
    }
  }
  if (writer.count > 0) yield block();
}

/** Of a length: ten digits and a blank. */
const WIDTH = 11;

/** Writes the texts of one event behind those of another, in memory that is used again. */
class TextWriter {
  count = 0;
  length = 0;
  private last = 0;
  private bytes = Buffer.allocUnsafe(2 ** 16);

  add(event: StoredEvent): void {
    const header = headerOf(event);
    const { data, metadata } = event;
    this.makeRoom(3 * (WIDTH + header.length + data.length + metadata.length));
    const { length, bytes } = this;
    // Lengths are written last, and as wide as any: to ask for them before would take as long as to write the texts.
    const begin = length + 3 * WIDTH;
    const dataAt = begin + bytes.write(header, begin);
    const metadataAt = dataAt + bytes.write(data, dataAt);
    const end = metadataAt + bytes.write(metadata, metadataAt);
    writeNumber(bytes, length, dataAt - begin);
    writeNumber(bytes, length + WIDTH, metadataAt - dataAt);
    writeNumber(bytes, length + 2 * WIDTH, end - metadataAt);
    this.length = end;
    this.last = event.position;
    this.count++;
  }

  /** What was written; good until the next is. */
  take(): TextBlock {
    const { count, last, length, bytes } = this;
    [this.count, this.length] = [0, 0];
    return { count, last, bytes: bytes.subarray(0, length) };
  }

  private makeRoom(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.length + more));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

function writeNumber(bytes: Buffer, at: number, value: number): void {
  bytes[at + WIDTH - 1] = 0x20;
  for (let i = at + WIDTH - 2; i >= at; i--, value = Math.floor(value / 10)) bytes[i] = 0x30 + (value % 10);
}

function headerOf(event: StoredEvent): string {
  const { position, stream, version, id, type, schemaVersion, appendIndex } = event;
  const recordedAt = event.recordedAt.getTime();
  return writeHeader({ position, stream, version, id, type, schemaVersion, appendIndex, recordedAt });
}
