import type { RecordedEvent, StoredEvent } from '@backstory/core';
import { LIMITS, isWellFormed } from '@backstory/core/store';
import { EventTypes, InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import { encodeValue, handlersOf } from '@backstory/events/codec';
import { deleted, type Deleted } from './deleted.js';
import { instanceForm, valueForm, type DocumentForm } from './document-form.js';
import { ProjectionFailed } from '../errors.js';
import type { Emit } from '../results/emit.js';
import type { FunctionalFold, FunctionalProjection } from './functional-projection.js';
import { declaredProjection } from './projection-decorator.js';
import type { ProjectionOptions } from './projection-options.js';

/** A projection as an application is given it: a class with `@Projection`, or what `projection` made. */
export type ProjectionSource<Document = unknown> = Class<Document & object> | FunctionalProjection<Document>;

/** What a projection is called, once everything about it is checked. @throws InvalidDefinition, NotAnEvent … */
export function projectionName(source: ProjectionSource): string {
  return new ProjectionModel(source).name;
}

/** An event that can be folded: decoded, and the documents that it changes. */
export interface Foldable {
  readonly recorded: RecordedEvent<object>;
  readonly keys: readonly string[];
}

/** What a projection does, with everything decided and checked. */
export class ProjectionModel<Document = unknown> {
  readonly name: string;
  readonly version: number;
  readonly target: 'state' | 'memory';
  readonly changed: 'rebuild' | 'swap' | 'refuse';
  readonly indexes: readonly string[];
  /** Whether documents are called like the streams of their events. */
  readonly isByStream: boolean;
  /** The events that it folds, by their names of today. */
  readonly events: readonly string[];
  /** Every name under which they may be recorded. */
  readonly typeNames: readonly string[];
  private readonly types: EventTypes;
  private readonly form: DocumentForm;
  private readonly key: NonNullable<ProjectionOptions['key']>;
  private readonly steps = new Map<string, readonly Step[]>();

  /** @throws InvalidDefinition, DuplicateEventType, NotAnEvent … */
  constructor(source: ProjectionSource<Document>) {
    const { name, options, form, steps } = describe(source);
    if (steps.length === 0)
      throw new InvalidDefinition(name, 'handles no events: give a method @EventHandler(Event).');
    this.name = name;
    this.form = form;
    const { version, target = 'state', changed = 'rebuild', indexes = [], key } = options;
    this.version = version;
    this.target = target;
    this.changed = changed;
    this.indexes = [...indexes].sort();
    this.isByStream = key === undefined;
    this.key = key ?? (({ stream }) => stream);
    this.types = new EventTypes(new Set(steps.map(({ event }) => event)), `projection ${name}`);
    for (const type of this.types.all) {
      const own = steps.filter(({ event }) => event === type.cls);
      for (const called of [type.name, ...type.aliases]) this.steps.set(called, own);
    }
    this.events = this.types.all.map((type) => type.name).sort();
    this.typeNames = [...this.steps.keys()];
  }

  /** Whether events that are recorded under this name are folded. */
  folds(type: string): boolean {
    return this.steps.has(type);
  }

  /** Reads an event and asks it which documents it changes. @throws ProjectionFailed */
  foldable(stored: StoredEvent): Foldable {
    let handler = 'reading it';
    try {
      const recorded = this.types.decode(stored);
      handler = 'key';
      return { recorded, keys: this.keysOf(recorded) };
    } catch (error) {
      throw this.failed(handler, stored, error);
    }
  }

  /** The documents that an event changes. */
  keysOf(recorded: RecordedEvent<object>): readonly string[] {
    const given = this.key(recorded);
    const keys = given === undefined ? NONE : typeof given === 'string' ? [given] : [...new Set(given)];
    for (const key of keys) checkKey(key);
    return keys;
  }

  /**
   * The document after an event. The one given may be changed. `emitted` is given the text of each result.
   *
   * @throws ProjectionFailed
   */
  fold(
    document: unknown,
    recorded: RecordedEvent<object>,
    key: string,
    emitted?: (text: string) => void,
  ): unknown {
    const emit: Emit = (result) => emitted?.(JSON.stringify(encodeValue(result, `a result of ${this.name}`)));
    let folded = document;
    for (const { name, run } of this.steps.get(recorded.type)!) {
      try {
        folded = run(folded === undefined ? this.form.begin() : folded, recorded.data, recorded, key, emit);
      } catch (error) {
        throw this.failed(name, recorded, error);
      }
    }
    return folded;
  }

  /** The document's text. @throws ProjectionFailed naming the event that last changed it */
  write(document: unknown, key: string, last: RecordedEvent): string {
    try {
      return this.form.write(document);
    } catch (error) {
      throw this.failed(`what it made of document ${key}`, last, error);
    }
  }

  read(text: string): Document {
    return this.form.read(text) as Document;
  }

  private failed(handler: string, event: StoredEvent | RecordedEvent, cause: unknown): ProjectionFailed {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new ProjectionFailed(this.name, handler, event, reason, { cause });
  }
}

const NONE: readonly string[] = [];

/** Its function gives the document after the event; `undefined` when it is to go. */
type Step = FunctionalFold;

interface Described {
  readonly name: string;
  readonly options: ProjectionOptions;
  readonly form: DocumentForm;
  readonly steps: readonly Step[];
}

function describe(source: unknown): Described {
  if (typeof source === 'object' && source !== null && 'folds' in source)
    return ofFunctions(source as FunctionalProjection);
  const cls = source as AnyClass;
  const declared = typeof source === 'function' ? declaredProjection(cls) : undefined;
  if (declared) return { ...declared, ...ofClass(cls as Class, declared.name) };
  throw new InvalidDefinition(
    typeof source === 'function' ? cls.name : String(source),
    "is no projection: decorate the class with @Projection('…', { version: 1 }), or use projection(…).",
  );
}

function ofClass(cls: Class, name: string): Pick<Described, 'form' | 'steps'> {
  // A method overridden in a subclass is one handler, however often it is declared.
  const rows = new Map(handlersOf(cls).map((row) => [`${String(row.method)}\n${row.event.name}`, row]));
  const steps = [...rows.values()].map(({ event, method, options }): Step => {
    const handler = `${cls.name}.${String(method)}`;
    if (options !== undefined)
      throw new InvalidDefinition(
        handler,
        'has options of a reaction: a projection folds, at once and always.',
      );
    const run: Step['run'] = (document, e, recorded, key, emit) => {
      const own = document as Record<string | symbol, (...given: unknown[]) => unknown>;
      return after(own[method]!(e, recorded, key, emit), document);
    };
    return { event, name: String(method), run };
  });
  return { form: instanceForm(cls, name), steps };
}

function after(given: unknown, document: unknown): unknown {
  if (given === undefined) return document;
  if ((given as Deleted) === deleted) return undefined;
  throw new TypeError(
    isPromise(given) ? PROMISE : 'it returned a value: change the document itself, or return `deleted`',
  );
}

const PROMISE = 'it returned a promise, and a fold waits for nothing';

function ofFunctions(source: FunctionalProjection): Described {
  const steps = source.folds.map(({ event, name, run }): Step => {
    return {
      event,
      name,
      run: (document, e, recorded, key, emit) => {
        const given = run(document, e, recorded, key, emit);
        if (given === undefined)
          throw new TypeError('it returned undefined: return the document, or `deleted`');
        if (isPromise(given)) throw new TypeError(PROMISE);
        return given === deleted ? undefined : given;
      },
    };
  });
  return { name: source.name, options: source.options, form: valueForm(source), steps };
}

function isPromise(value: unknown): boolean {
  if (typeof (value as { then?: unknown } | null)?.then !== 'function') return false;
  (value as PromiseLike<unknown>).then(undefined, () => undefined);
  return true;
}

/** A state store keeps it, also after the value of an index. */
function checkKey(key: unknown): void {
  const fits = typeof key === 'string' && key !== '' && key.length <= LIMITS.stream;
  if (fits && isWellFormed(key) && !key.includes('\0') && Buffer.byteLength(key) <= LIMITS.stream) return;
  throw new TypeError(
    `it gave the key ${JSON.stringify(key)}: a key is 1 to ${LIMITS.stream} bytes of well-formed text without NUL`,
  );
}
