import type { RecordedEvent, StateStore } from '@backstory/core';
import type { StateEntry, StateTransaction } from '@backstory/core/state';
import type { Foldable, ProjectionModel } from '../definition/projection-model.js';
import type { Places } from '../generation/places.js';
import { indexKey, valueAt } from '../read/index-key.js';

/**
 * Documents of one generation at work: read once, folded in memory, written once a batch. They stay as they were written, for
 * nobody else writes them while the lease is held; after a failure they are forgotten and read again. A batch may be folded on
 * while the one before it is being written.
 */
export class WriteBack {
  private readonly entries = new Map<string, Entry>();
  private readonly touched = new Set<Entry>();
  private readonly unmeasured = new Set<Entry>();
  private results: StateEntry[] = [];
  private length = 0;
  private batchLength = 0;
  private grownLength = 0;
  private batch = 1;

  constructor(
    private readonly model: ProjectionModel,
    private readonly places: Places,
    private readonly generation: number,
  ) {}

  /** Characters of documents that were not here before, as far as they were measured: of what was read, and what was added to it. */
  get grown(): number {
    return this.grownLength;
  }

  /** The batch is to write enough: what comes is for the next one. */
  get isFull(): boolean {
    return this.batchLength > LONGEST;
  }

  /** Reads the documents that these events change and that are not here. */
  async load(state: StateStore, events: readonly Foldable[]): Promise<void> {
    const missing = new Set<string>();
    for (const { keys } of events) for (const key of keys) if (!this.entries.has(key)) missing.add(key);
    if (missing.size === 0) return;
    const keys = [...missing];
    const found = await state.read((view) => view.getMany(this.places.documents(this.generation), keys));
    for (const key of keys) {
      const text = found.get(key);
      const document = text === undefined ? undefined : this.model.read(text);
      this.entries.set(key, { key, document, text, next: undefined, last: undefined, batch: 0 });
      this.length += text?.length ?? 0;
      this.grownLength += text?.length ?? 0;
    }
  }

  /** Folds an event whose documents are loaded. @throws ProjectionFailed — call `forget` then */
  fold(event: Foldable): void {
    for (const [nth, key] of event.keys.entries()) {
      const recorded = this.model.recordedFor(event, nth);
      const entry = this.entries.get(key)!;
      entry.document = this.model.fold(entry.document, recorded, key, (kept) => {
        this.results.push(kept);
        this.batchLength += kept.value.length;
      });
      entry.last = recorded;
      this.touched.add(entry);
      this.unmeasured.add(entry);
    }
  }

  /** Makes the texts of what was folded since it was measured last. @throws ProjectionFailed — call `forget` then */
  measure(): void {
    for (const entry of this.unmeasured) {
      const { key, document, last, next } = entry;
      const text = document === undefined ? undefined : this.model.write(document, key, last!);
      const length = text?.length ?? 0;
      this.batchLength += length - (next?.text?.length ?? 0);
      this.grownLength += length - ((next ?? entry).text?.length ?? 0);
      entry.next = { text };
    }
    this.unmeasured.clear();
  }

  /** What is to be written, which counts as written from now on. @throws ProjectionFailed — call `forget` then */
  changes(): Changes {
    this.measure();
    const documents: Change[] = [];
    const { results } = this;
    for (const entry of this.touched) {
      const { key, text: before, next } = entry;
      const { text } = next!;
      entry.next = entry.last = undefined;
      entry.batch = this.batch;
      if (text === before) continue;
      documents.push({ key, before, text });
      this.length += (text?.length ?? 0) - (before?.length ?? 0);
      entry.text = text;
    }
    this.touched.clear();
    this.results = [];
    this.batchLength = 0;
    this.batch++;
    const indexes = this.model.indexes.map((path) => indexChanges(path, documents));
    const added = documents.reduce((sum, it) => sum + addedBy(it), 0);
    return { documents, indexes, added, results };
  }

  async write(tx: StateTransaction, { documents, indexes, results }: Changes): Promise<void> {
    await writeRows(tx, this.places.documents(this.generation), documentRows(documents));
    await writeRows(tx, this.places.results(this.generation), { puts: results, deletes: [] });
    for (const { path, rows } of indexes) await writeRows(tx, this.places.index(this.generation, path), rows);
  }

  /** Lets go of documents where there are too many; not of those that may not be written yet, which would be read as they were. */
  trim(): void {
    if (this.entries.size <= MOST && this.length <= LONGEST) return;
    for (const { key, text, batch } of this.entries.values()) {
      if (this.entries.size <= MOST / 2 && this.length <= LONGEST / 2) return;
      if (batch === this.batch - 1) continue;
      this.entries.delete(key);
      this.length -= text?.length ?? 0;
    }
  }

  /** What was folded and not committed counts for nothing. */
  forget(): void {
    this.entries.clear();
    this.touched.clear();
    this.unmeasured.clear();
    this.results = [];
    this.length = this.batchLength = 0;
  }
}

/** Documents kept between two batches, and characters in their texts; also how many of these a batch is to write before it ends. */
const [MOST, LONGEST] = [20_000, 4 * 2 ** 20];

interface Entry {
  readonly key: string;
  document: unknown;
  /** As it is stored. */
  text: string | undefined;
  /** Its text as this batch leaves it, as far as that was measured. */
  next: { readonly text: string | undefined } | undefined;
  /** The event that changed it last in this batch. */
  last: RecordedEvent<object> | undefined;
  /** The batch that has changed it last. */
  batch: number;
}

interface Change {
  readonly key: string;
  readonly before: string | undefined;
  readonly text: string | undefined;
}

/** What a batch changes, document by document and index by index. */
export interface Changes {
  readonly documents: readonly Change[];
  readonly indexes: readonly { readonly path: string; readonly rows: Rows }[];
  /** What the folds have emitted. */
  readonly results: readonly StateEntry[];
  /** How many more documents there are. */
  readonly added: number;
}

function addedBy({ before, text }: Change): number {
  return (text === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
}

interface Rows {
  readonly puts: readonly StateEntry[];
  readonly deletes: readonly string[];
}

function documentRows(documents: readonly Change[]): Rows {
  const puts: StateEntry[] = [];
  const deletes: string[] = [];
  for (const { key, text } of documents) {
    if (text === undefined) deletes.push(key);
    else puts.push({ key, value: text });
  }
  return { puts, deletes };
}

function indexChanges(path: string, documents: readonly Change[]): Changes['indexes'][number] {
  const puts: StateEntry[] = [];
  const deletes: string[] = [];
  for (const { key, before, text } of documents) {
    const [was, is] = [indexedAt(before, path, key), indexedAt(text, path, key)];
    if (was === is) continue;
    if (was !== undefined) deletes.push(was);
    if (is !== undefined) puts.push({ key: is, value: '' });
  }
  return { path, rows: { puts, deletes } };
}

function indexedAt(text: string | undefined, path: string, key: string): string | undefined {
  return text === undefined ? undefined : indexKey(valueAt(JSON.parse(text), path), key);
}

async function writeRows(tx: StateTransaction, collection: string, { puts, deletes }: Rows): Promise<void> {
  if (deletes.length > 0) await tx.deleteMany(collection, deletes);
  if (puts.length > 0) await tx.putMany(collection, puts);
}
