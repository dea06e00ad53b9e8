import type { RecordedEvent, StoredEvent } from '@backstory/core';
import { cut, type StateEntry } from '@backstory/core/state';
import type { Class } from '@backstory/events';
import { encodeValue, refusePrivateState } from '@backstory/events/codec';
import { atOnce } from './at-once.js';
import { deleted, type Deleted } from './deleted.js';
import { keysGiven } from './document-key.js';
import { instanceForm, valueForm, type DocumentForm } from './document-form.js';
import { failedAt, type ProjectionFailed } from '../errors.js';
import type { Emit } from '../results/emit.js';
import { resultKey } from '../results/result-rows.js';
import type { FunctionalFold, FunctionalProjection } from './functional-projection.js';
import { HandledEvents, handlerMethods } from './handled-events.js';
import type { ModelFacts } from './model-facts.js';
import type { ProjectionOptions } from './projection-options.js';

/** An event that can be folded: decoded, and the documents that it changes. */
export interface Foldable {
  readonly recorded: RecordedEvent<object>;
  readonly keys: readonly string[];
  readonly stored: StoredEvent;
}

/** What a projection of documents does, with everything decided and checked. */
export class ProjectionModel<Document = unknown> implements ModelFacts {
  readonly name: string;
  readonly version: number;
  readonly target: 'state' | 'memory';
  readonly changed: 'rebuild' | 'swap' | 'refuse';
  readonly indexes: readonly string[];
  /** Whether documents are called like the streams of their events. */
  readonly isByStream: boolean;
  readonly events: readonly string[];
  readonly typeNames: readonly string[];
  private readonly form: DocumentForm;
  private readonly key: NonNullable<ProjectionOptions['key']>;
  private readonly handled: HandledEvents<Step>;

  /** @throws InvalidDefinition, DuplicateEventType, NotAnEvent … */
  constructor({ name, options, form, steps }: DocumentParts) {
    this.name = name;
    this.form = form;
    const { version, target = 'state', changed = 'rebuild', indexes = [], key } = options;
    this.version = version;
    this.target = target;
    this.changed = changed;
    this.indexes = [...indexes].sort();
    this.isByStream = key === undefined;
    this.key = key ?? (({ stream }) => stream);
    this.handled = new HandledEvents(name, steps);
    this.events = this.handled.names;
    this.typeNames = this.handled.typeNames;
  }

  /** Whether events that are recorded under this name are folded. */
  folds(type: string): boolean {
    return this.handled.has(type);
  }

  /** Reads an event and asks it which documents it changes. @throws ProjectionFailed */
  foldable(stored: StoredEvent): Foldable {
    let handler = 'reading it';
    try {
      const recorded = this.decoded(stored);
      handler = 'key';
      return { recorded, keys: this.keysOf(recorded), stored };
    } catch (error) {
      throw this.failed(handler, stored, error);
    }
  }

  /** The event for the nth of its documents. Each is given its own: a fold may keep what is in it, and change that later. */
  recordedFor({ recorded, stored }: Foldable, nth: number): RecordedEvent<object> {
    return nth === 0 ? recorded : this.decoded(stored);
  }

  /** With a time of its own: that of what is stored may be the log's. */
  private decoded(stored: StoredEvent): RecordedEvent<object> {
    return { ...this.handled.types.decode(stored), recordedAt: new Date(stored.recordedAt) };
  }

  /** The documents that an event changes. */
  keysOf(recorded: RecordedEvent<object>): readonly string[] {
    return keysGiven(this.key(recorded));
  }

  /**
   * The document after an event. The one given may be changed. `emitted` is given each result as it is kept; where nobody wants
   * them they are made all the same, for one that cannot be kept fails the fold.
   *
   * @throws ProjectionFailed
   */
  fold(
    document: unknown,
    recorded: RecordedEvent<object>,
    key: string,
    emitted?: (kept: StateEntry) => void,
  ): unknown {
    let isOver = false;
    let ordinal = 0;
    const emit: Emit = (result) => {
      if (isOver) throw new Error(`A fold of ${this.name} is over: emit in it, for it waits for nothing.`);
      const value = JSON.stringify(encodeValue(result, `a result of ${this.name}`));
      const kept = { key: resultKey(key, recorded.position, ordinal++), value };
      emitted?.(kept);
    };
    try {
      return this.foldedBy(document, recorded, key, emit);
    } finally {
      isOver = true;
    }
  }

  private foldedBy(document: unknown, recorded: RecordedEvent<object>, key: string, emit: Emit): unknown {
    let folded = document === undefined ? this.form.begin() : document;
    for (const { name, run } of this.handled.of(recorded.type)) {
      try {
        folded = run(folded, recorded.data, recorded, key, emit);
      } catch (error) {
        throw this.failed(name, recorded, error);
      }
      // Only another event begins it anew.
      if (folded === undefined) return undefined;
    }
    return folded;
  }

  /** The document's text. @throws ProjectionFailed naming the event that last changed it */
  write(document: unknown, key: string, last: RecordedEvent): string {
    try {
      return this.form.write(document);
    } catch (error) {
      throw this.failed(`what it made of document ${cut(key, 100)}`, last, error);
    }
  }

  read(text: string): Document {
    return this.form.read(text) as Document;
  }

  private failed(handler: string, event: StoredEvent | RecordedEvent, cause: unknown): ProjectionFailed {
    return failedAt(this.name, handler, event, cause);
  }
}

/** Its function gives the document after the event; `undefined` when it is to go. */
type Step = FunctionalFold;

/** What makes a projection of documents. */
export interface DocumentParts {
  readonly name: string;
  readonly options: ProjectionOptions;
  readonly form: DocumentForm;
  readonly steps: readonly Step[];
}

/** A class whose instances are the documents. @throws InvalidDefinition, PrivateState */
export function documentsOfClass(cls: Class, name: string, options: ProjectionOptions): DocumentParts {
  refusePrivateState(cls);
  const steps = handlerMethods(cls).map(({ event, method }): Step => {
    const run: Step['run'] = (document, e, recorded, key, emit) => {
      const own = document as Record<string | symbol, (...given: unknown[]) => unknown>;
      return after(own[method]!(e, recorded, key, emit), document);
    };
    return { event, name: String(method), run };
  });
  return { name, options, form: instanceForm(cls, name), steps };
}

function after(given: unknown, document: unknown): unknown {
  if (given === undefined) return document;
  if ((given as Deleted) === deleted) return undefined;
  atOnce(given);
  throw new TypeError('it returned a value: change the document itself, or return `deleted`');
}

/** Functions that give the next document. */
export function documentsOfFunctions(source: FunctionalProjection): DocumentParts {
  const steps = source.folds.map(({ event, name, run }): Step => {
    return {
      event,
      name,
      run: (document, e, recorded, key, emit) => {
        const given = run(document, e, recorded, key, emit);
        if (given === undefined)
          throw new TypeError('it returned undefined: return the document, or `deleted`');
        return atOnce(given) === deleted ? undefined : given;
      },
    };
  });
  return { name: source.name, options: source.options, form: valueForm(source), steps };
}
