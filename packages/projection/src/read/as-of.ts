import { readRecorded, type EventStore, type RecordedEvent, type StoredEvent } from '@backstory/core';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import type { Json } from '@backstory/events';
import { requireKey } from '../definition/document-key.js';
import type { ProjectionModel } from '../definition/projection-model.js';
import { AsOfTooCostly } from '../errors.js';
import { canonical } from '../generation/document-difference.js';
import { requirePlace } from './given.js';
import { valueAt } from './index-key.js';
import { positionAt, requireWhen } from './position-at.js';
import { Stretch } from '../stretch.js';
import { wholeOption } from '../whole-option.js';

/** How much evaluating a document, or tables, may cost. */
export interface AsOfOptions {
  /** Events that are read at most. Default 100,000 for documents, and 20,000 for tables. */
  readonly maxEvents?: number;
}

/** A document as of another time, and what it took to know it. */
export interface Evaluated<Document> {
  readonly key: string;
  /** `undefined`: there was none. */
  readonly document: Document | undefined;
  /** The position it is as of. */
  readonly position: number;
  readonly cost: AsOfCost;
}

/** One value that a place of a document had. A side on which there is none is absent. */
export interface DocumentStep {
  /** The event that brought it, as it is stored. */
  readonly event: RecordedEvent;
  readonly before?: Json;
  readonly after?: Json;
}

/** What was read to evaluate a document. */
export interface AsOfCost {
  /** `stream`: the stream that is called like the document. `log`: all events that the projection handles. */
  readonly read: 'stream' | 'log';
  /** Why that was read, and how it could be less. */
  readonly because: string;
  readonly events: number;
  readonly folded: number;
  readonly pages: number;
  readonly ms: number;
}

/**
 * The documents of a projection as they were at a position of the log or at an instant: folded from the events up to there with the
 * projection's own handlers. Nothing is stored.
 */
export class DocumentsAsOf<Document> {
  private position: Promise<number> | undefined;
  private readonly maxEvents: number;

  constructor(
    private readonly parts: { readonly model: ProjectionModel<Document>; readonly events: EventStore },
    private readonly when: number | Date,
    options: AsOfOptions = {},
  ) {
    const { maxEvents = 100_000 } = knownOptions(options, OPTIONS);
    this.maxEvents = wholeOption('maxEvents', maxEvents, 1, Number.MAX_SAFE_INTEGER);
    requireWhen(when);
  }

  /** A document as it was; `undefined` where there was none. @throws AsOfTooCostly, InvalidOption, ProjectionFailed */
  async get(key: string): Promise<Document | undefined> {
    return (await this.evaluate(key)).document;
  }

  /** The same with what it took. @throws AsOfTooCostly, InvalidOption, ProjectionFailed */
  async evaluate(key: string): Promise<Evaluated<Document>> {
    const { model } = this.parts;
    const began = performance.now();
    requireKey(key);
    const position = await this.resolvedOnce();
    const cost = { events: 0, folded: 0, pages: 0 };
    let document: unknown;
    let last: RecordedEvent<object> | undefined;
    for await (const step of this.folded(key, position, cost)) ({ document, recorded: last } = step);
    // What is folded is what would be read back.
    const text = document === undefined ? undefined : model.write(document, key, last!);
    const ms = Math.round((performance.now() - began) * 10) / 10;
    return {
      key,
      document: text === undefined ? undefined : model.read(text),
      position,
      cost: { ...this.plan(key), ...cost, ms },
    };
  }

  /**
   * Every value that a place of a document had up to then, oldest first, each with the event that brought it: the last of them is
   * who made it so. `place`: a path as of an index, `due` or `lines[2].price`, empty for the document itself; or a function that finds it
   * in the document as it is stored.
   *
   * @throws AsOfTooCostly, InvalidOption, ProjectionFailed
   */
  async *history(
    key: string,
    place: string | ((stored: Json) => Json | undefined) = '',
  ): AsyncGenerator<DocumentStep, void> {
    const find = typeof place === 'string' ? (json: Json) => placeIn(json, place) : place;
    const { model } = this.parts;
    requireKey(key);
    requirePlace(place);
    const position = await this.resolvedOnce();
    let before: Json | undefined;
    for await (const { document, recorded, event } of this.folded(key, position)) {
      const text = document === undefined ? undefined : model.write(document, key, recorded);
      const after = text === undefined ? undefined : find(JSON.parse(text) as Json);
      const isSame =
        before === undefined || after === undefined
          ? before === after
          : canonical(before) === canonical(after);
      if (isSame) continue;
      yield {
        event: readRecorded(event),
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
      };
      before = after;
    }
  }

  /** The document after each event that changes it. */
  private async *folded(
    key: string,
    position: number,
    cost = { events: 0, folded: 0, pages: 0 },
  ): AsyncGenerator<
    { readonly document: unknown; readonly recorded: RecordedEvent<object>; readonly event: StoredEvent },
    void
  > {
    const { model } = this.parts;
    let document: unknown;
    const stretch = new Stretch();
    for await (const events of this.pages(key, position)) {
      cost.pages++;
      cost.events += events.length;
      if (cost.events > this.maxEvents) throw this.tooCostly(key);
      for (const event of events) {
        if (!model.folds(event.type)) continue;
        const { recorded, keys } = model.foldable(event);
        if (!keys.includes(key)) continue;
        document = model.fold(document, recorded, key);
        cost.folded++;
        yield { document, recorded, event };
        if (stretch.isLong) await stretch.pause();
      }
    }
  }

  private plan(key: string): Pick<AsOfCost, 'read' | 'because'> {
    const { model } = this.parts;
    if (model.isByStream)
      return { read: 'stream', because: `document ${key} is folded from the stream ${key} alone` };
    const because = `which events change document ${key} is known from the events alone: all of ${model.events.join(', ')} are read up to there`;
    return { read: 'log', because };
  }

  private async *pages(key: string, position: number): AsyncGenerator<readonly StoredEvent[], void> {
    const { model, events } = this.parts;
    const pages = model.isByStream
      ? events.readStream(key, { upToPosition: position, pageSize: PAGE })
      : events.readAll({ types: model.typeNames, upTo: position, pageSize: PAGE });
    for await (const page of pages) yield page.events;
  }

  /** An instant is found once; where that fails, another time. */
  private resolvedOnce(): Promise<number> {
    return (this.position ??= positionAt(this.parts.events, this.when).catch((error: unknown) => {
      this.position = undefined;
      throw error;
    }));
  }

  private tooCostly(key: string): AsOfTooCostly {
    const { model } = this.parts;
    const { because } = this.plan(key);
    const advice = 'allow more with maxEvents, or read it from a generation.';
    return new AsOfTooCostly(model.name, `more than ${this.maxEvents} events, for ${because}`, advice);
  }
}

function placeIn(json: Json, path: string): Json | undefined {
  return path === '' ? json : (valueAt(json, path.replace(/\[(\d+)\]/g, '.$1')) as Json | undefined);
}

const OPTIONS: OptionNames<AsOfOptions> = { maxEvents: true };
const PAGE = 1_000;
