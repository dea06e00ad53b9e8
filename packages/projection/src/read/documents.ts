import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, RecordedEvent, StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { requireKey } from '../definition/document-key.js';
import type { ProjectionModel } from '../definition/projection-model.js';
import { GenerationUnusable, NotCaughtUp, adviceOn, madeByOther, madeOtherwise } from '../errors.js';
import { generationIn, type Control, type Generation } from '../generation/control.js';
import { placesOf, type Places } from '../generation/places.js';
import { readProgress } from '../generation/progress.js';
import { requireSameLog } from '../generation/reached.js';
import { requireControl } from '../generation/generations.js';
import type { KeptResult } from '../results/emit.js';
import { listResults, resultsAt, type ResultsQuery } from '../results/list-results.js';
import { DocumentsAsOf, type AsOfOptions } from './as-of.js';
import { find, type FindQuery, type FoundPage } from './find.js';
import { requireAll, requireKeys, requireRecorded, waiting, type CaughtUpOptions } from './given.js';

/** What documents are read from. */
export interface DocumentsParts<Document> {
  readonly model: ProjectionModel<Document>;
  readonly events: EventStore;
  readonly state: StateStore;
  /** Resolves when the documents have every event up to a position. */
  readonly caughtUp: (position: number, options?: CaughtUpOptions) => Promise<void>;
}

/** How long until what is read is looked at again. */
const LOOK_MS = 50;

/** Why what is read does not say what an event has led to, and what helps. */
function problemOf(version: number, code: number): [why: string, advice?: string] {
  // Somebody has gone back to a generation that is behind, or what is read was built without this type.
  if (version === code) return ['what is read has not folded this event'];
  const why = `what is read was made by code of version ${version}, and the code here, of version ${code}, may have other keys`;
  return [why, adviceOn(version, code)];
}

/** The documents of a projection, as its live generation has them. Each answer is of one generation and one position. */
export class Documents<Document, Result = unknown> {
  readonly name: string;
  private readonly places: Places;

  constructor(private readonly parts: DocumentsParts<Document>) {
    this.name = parts.model.name;
    this.places = placesOf(this.name);
  }

  /** A document; `undefined` where there is none. @throws ProjectionNotFound, InvalidOption; GenerationUnusable where other code made what is read */
  async get(key: string): Promise<Document | undefined> {
    return (await this.getMany([key])).get(key);
  }

  /** Those of the documents that exist, by key. @throws ProjectionNotFound, InvalidOption */
  async getMany(keys: readonly string[]): Promise<ReadonlyMap<string, Document>> {
    return (await this.stored(keys)).documents;
  }

  /**
   * A document that code of this version made: for what would mean something else to other code, as what windows hold does to other
   * reducers. `undefined` where there is none.
   *
   * @throws GenerationUnusable where what is read was made by code of another version; ProjectionNotFound, InvalidOption
   */
  async getOwn(key: string): Promise<Document | undefined> {
    const { documents, made } = await this.stored([key]);
    const { version } = this.parts.model;
    if (made.version !== version) throw madeByOther(this.name, made, version);
    return documents.get(key);
  }

  /**
   * Documents by what is in them, in pages.
   *
   * ```ts
   * const page = await balances.find({
   *   where: { balance: { '>=': 50 } },
   *   orderBy: { path: 'balance', descending: true },
   *   limit: 20,
   * });
   * ```
   *
   * @throws InvalidFind where no index can answer it; GenerationUnusable, ProjectionNotFound
   */
  async find(query: FindQuery = {}): Promise<FoundPage<Document>> {
    const { name, places } = this;
    const code = this.parts.model.version;
    const { made, ...page } = await this.read((view, control) => {
      return find(view, { name, places, control, query, code });
    });
    const documents = page.documents.map(({ key, document }) => {
      return { key, document: this.decoded(document, made) };
    });
    return { ...page, documents };
  }

  /**
   * The documents as they were at a position of the log, or at an instant by recorded time: folded from the events with the
   * projection's own handlers.
   *
   * ```ts
   * const before = await balances.asOf(position - 1).get('account-42');
   * ```
   *
   * @throws InvalidOption where it is neither
   */
  asOf(when: number | Date, options?: AsOfOptions): DocumentsAsOf<Document> {
    return new DocumentsAsOf(this.parts, when, options);
  }

  /**
   * What the folds of a document have emitted, in the order of the log: `limit` of them, of positions after `after` and up to `upTo`.
   * A page goes on to the last one of its last event, so that the next one is asked for with `after` and the position of that.
   *
   * @throws InvalidOption, ProjectionNotFound
   */
  async results(key: string, query: ResultsQuery = {}): Promise<readonly KeptResult<Result>[]> {
    requireKey(key);
    return this.read((view, { live }) => listResults<Result>(view, this.places.results(live), key, query));
  }

  /**
   * What an event has led to, in every document that it changes. It waits until the documents have the event, so that a handler of a
   * subscription is given all of it and, whenever it is called again, the same; and until what is read was made by code of this version,
   * for another one may have had another `key`.
   *
   * @throws NotCaughtUp after `timeoutMs`, saying why; LogDiverged where the documents are of another log;
   * ProjectionNotFound, InvalidOption; the signal's reason
   */
  async resultsOf(
    recorded: RecordedEvent<object>,
    options: CaughtUpOptions = {},
  ): Promise<readonly KeptResult<Result>[]> {
    const { model, caughtUp } = this.parts;
    requireRecorded(recorded);
    const { timeoutMs, signal } = waiting(options);
    const { position } = recorded;
    if (!model.folds(recorded.type)) return [];
    const end = performance.now() + timeoutMs;
    for (let looks = 0; ; looks++) {
      const { through, found, problem } = await this.resultsNow(recorded);
      if (found) return found;
      if (looks > 0 && performance.now() >= end)
        throw new NotCaughtUp(this.name, position, through, ...problem);
      if (looks > 0) await wait(LOOK_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
      await caughtUp(position, { ...options, timeoutMs: Math.max(0, end - performance.now()) });
    }
  }

  /** What an event has led to, where what is read has folded it with this version's `key`. @throws ProjectionDiverged */
  private async resultsNow(recorded: RecordedEvent<object>) {
    const { model, events } = this.parts;
    const { position, type } = recorded;
    const { checkpoint, found, version } = await this.read(async (view, control) => {
      const { number, types, version } = generationIn(control, control.live)!;
      const { checkpoint } = (await readProgress(view, this.places, number)) ?? {};
      const isThere = checkpoint && checkpoint.through >= position && types.includes(type);
      if (!isThere || version !== model.version) return { checkpoint, version };
      const keys = model.keysOf(recorded);
      const results = this.places.results(number);
      return { checkpoint, version, found: await resultsAt<Result>(view, results, keys, position) };
    });
    // A position of another log is that of another event.
    if (found) await requireSameLog(events, this.name, checkpoint);
    return { through: checkpoint?.through ?? 0, found, problem: problemOf(version, model.version) };
  }

  /** How many documents there are. @throws InvalidOption for conditions, which it does not take */
  async count(query?: undefined): Promise<number> {
    requireAll(query);
    return this.read((view, { live }) => view.count(this.places.documents(live)));
  }

  /** Up to which position the documents have every event. */
  async position(): Promise<number> {
    return this.read(async (view, { live }) => {
      return (await readProgress(view, this.places, live))?.checkpoint.through ?? 0;
    });
  }

  private async stored(keys: readonly string[]) {
    requireKeys(keys);
    const { texts, made } = await this.read(async (view, control) => {
      const { live } = control;
      const texts = await view.getMany(this.places.documents(live), keys);
      return { texts, made: generationIn(control, live)! };
    });
    return { documents: new Map([...texts].map(([key, text]) => [key, this.decoded(text, made)])), made };
  }

  private decoded(text: string, made: Generation): Document {
    const { model } = this.parts;
    try {
      return model.read(text);
    } catch (error) {
      if (made.version === model.version || !(error instanceof Error)) throw error;
      throw madeOtherwise(this.name, made, { code: model.version, cause: error });
    }
  }

  private read<T>(work: (view: StateView, control: Control) => Promise<T>): Promise<T> {
    return this.parts.state.read(async (view) => {
      const control = await requireControl(view, this.name);
      const { number, tables, version } = generationIn(control, control.live)!;
      if (!tables) return work(view, control);
      const message = `code of version ${version} made it, and it has tables and no documents: use code of that version.`;
      throw new GenerationUnusable(this.name, number, message);
    });
  }
}
