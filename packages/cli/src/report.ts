import { Interrupted } from './errors.js';
import type { CommandIo } from './io.js';
import { Paper } from './paper.js';
import { jsonText } from './printable.js';

/** Results that are written while they are read, so that memory stays flat however many there are. */
export interface Listing<T> {
  /** The name of the list in the JSON data. */
  readonly key: string;
  /** Further JSON data beside the list. */
  readonly head?: Readonly<Record<string, unknown>>;
  readonly items: AsyncIterable<T>;
  /** What is shown of each item in JSON. Default: the item. */
  readonly json?: (item: T) => unknown;
  /** Lines for some items, together so that they can be aligned. */
  readonly text: (items: readonly T[], paper: Paper) => Iterable<string>;
  /** Shows at most this many; `items` then gives one more if there is one. */
  readonly limit?: number;
  /** Says how to see more than the limit. */
  readonly more?: (last: T) => string;
  /** What a human is told when there is nothing. */
  readonly empty: string;
}

/** Writes what a verb found, for people or as JSON. */
export class Report {
  /** A JSON document has begun and has no end yet. */
  begun = false;
  private readonly paper: Paper;
  private readonly notes: Paper;

  constructor(
    private readonly verb: string,
    readonly asJson: boolean,
    private readonly io: CommandIo,
  ) {
    this.paper = new Paper(io.stdout, io);
    this.notes = new Paper(io.stderr, io);
  }

  /** A result that is known as a whole. `json` gives it as text, where it may be nested deeper than the call stack. */
  async answer<T>(
    data: T,
    text: (paper: Paper) => Iterable<string>,
    json: (data: T) => string = jsonText,
  ): Promise<void> {
    if (!this.asJson) return this.paper.lines(text(this.paper));
    await this.paper.write(`{"ok":true,"verb":${jsonText(this.verb)},"data":${json(data)}}\n`);
  }

  /**
   * A result in many parts. As JSON it is one document all the same; nothing of it is written before the first
   * part is there, and a failure after that leaves it without its end.
   */
  async list<T>(listing: Listing<T>): Promise<void> {
    const shown = await (this.asJson ? this.listJson(listing) : this.listText(listing));
    if (this.asJson) return;
    if (shown.count === 0) await this.note(listing.empty);
    else if (shown.more && listing.more) await this.note(listing.more(shown.last!));
  }

  /** Results without an end. As JSON each line is a document of its own. */
  async feed<T>(
    items: readonly T[],
    json: (item: T) => unknown,
    text: (items: readonly T[], paper: Paper) => Iterable<string>,
  ): Promise<void> {
    if (items.length === 0) return;
    if (!this.asJson) return this.paper.lines(text(items, this.paper));
    const documents = items.map((item) => jsonText({ ok: true, verb: this.verb, data: json(item) }));
    await this.paper.write(`${documents.join('\n')}\n`);
  }

  /** For people, beside the result. */
  async note(text: string): Promise<void> {
    if (!this.asJson) await this.notes.lines([this.notes.dim(text)]);
  }

  private async listJson<T>({ key, head, items, json = (item) => item }: Listing<T>): Promise<Shown<T>> {
    const opening = jsonText({ ok: true, verb: this.verb, data: { ...head, [key]: [] } }).slice(0, -3);
    let count = 0;
    for await (const batch of batches(items, this.io.signal)) {
      const texts = batch.map((item) => jsonText(json(item)));
      this.begun = true;
      await this.paper.write(`${count === 0 ? opening : ','}\n${texts.join(',\n')}`);
      count += batch.length;
    }
    await this.paper.write(count === 0 ? `${opening}]}}\n` : '\n]}}\n');
    return { count, more: false };
  }

  private async listText<T>({ items, text, limit = Infinity }: Listing<T>): Promise<Shown<T>> {
    let count = 0;
    let last: T | undefined;
    for await (const batch of batches(items, this.io.signal)) {
      const shown = batch.slice(0, limit - count);
      await this.paper.lines(text(shown, this.paper));
      count += shown.length;
      last = shown.at(-1) ?? last;
      if (shown.length < batch.length) return { count, last, more: true };
    }
    return { count, last, more: false };
  }
}

interface Shown<T> {
  readonly count: number;
  readonly last?: T | undefined;
  readonly more: boolean;
}

const BATCH = 100;

/** @throws Interrupted */
async function* batches<T>(
  items: AsyncIterable<T>,
  signal?: AbortSignal,
): AsyncGenerator<readonly T[], void> {
  let batch: T[] = [];
  for await (const item of items) {
    if (signal?.aborted) throw new Interrupted();
    if (batch.push(item) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
