import type { NewEvent, StoredEvent } from '@backstory/core';
import type { AnyClass, Class } from './class-table.js';
import { definitionOf, type EventDefinition, type Upcaster } from './domain-event.js';
import {
  MissingUpcaster,
  NotAnEvent,
  UnreadableEvent,
  UnreadableValue,
  UnstorableValue,
  UpcastFailed,
  type Whereabouts,
} from './errors.js';
import { fieldsOf } from './field.js';
import type { FieldType } from './field-type.js';
import { decodeFields, encodeInstance } from './instance-codec.js';
import type { Json } from './json.js';
import { refusePrivateState } from './private-state.js';
import { checkRules, refuseAsyncRules } from './rules.js';
import { ValueWriter } from './value-writer.js';

/** What must be known of a stored event to read its data, and where it stands, for messages. */
export type Readable = Pick<StoredEvent, 'schemaVersion' | 'data'> & Whereabouts;

/** An event as text, for the Recorder. */
export type EncodedEvent = Required<Pick<NewEvent, 'type' | 'schemaVersion' | 'data'>>;

/** Writes and reads the events of one class. */
export class EventType {
  readonly name: string;
  readonly version: number;
  readonly aliases: readonly string[];
  private readonly upcasters: readonly Upcaster[];
  private readonly fields: ReadonlyMap<string, FieldType>;
  private readonly prototype: object;
  /** Setting a property of an instance sets it, and runs nothing. */
  private readonly isPlain: boolean;

  /** Use {@link eventTypeOf}, which keeps one for each class. */
  constructor(
    readonly cls: Class,
    { name, version, aliases, upcast }: EventDefinition,
  ) {
    const missing = Array.from({ length: version - 1 }, (_, i) => i + 1).filter(
      (from) => typeof upcast[from] !== 'function',
    );
    if (missing.length > 0) throw new MissingUpcaster(name, version, missing);
    refusePrivateState(cls);
    refuseAsyncRules(cls);
    this.name = name;
    this.version = version;
    this.aliases = aliases;
    this.upcasters = Array.from({ length: version - 1 }, (_, i) => upcast[i + 1]!);
    this.fields = fieldsOf(cls);
    this.prototype = cls.prototype as object;
    this.isPlain = setsPlainly(this.prototype);
  }

  /**
   * Checks the event's rules and gives it as text.
   *
   * @throws InvalidData, UnstorableValue
   */
  encode(event: object): EncodedEvent {
    checkRules(event, this.name);
    return {
      type: this.name,
      schemaVersion: this.version,
      data: JSON.stringify(encodeInstance(event, this.name)),
    };
  }

  /**
   * Reads recorded data, of whatever version, as an instance. The constructor does not run and no rules are checked.
   *
   * @throws UpcastFailed, UnreadableEvent
   */
  decode(stored: Readable): object {
    let json = this.parse(stored);
    if (stored.schemaVersion !== this.version) json = this.upcast(json, stored);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new UnreadableEvent(this.name, 'its data is not a JSON object', stored);
    }
    if (this.fields.size > 0) this.decodeFields(json as Record<string, unknown>, stored);
    return this.instanceOf(json);
  }

  /** A new object with the properties is had for a fraction of what it takes to give a prototype to one that is there. */
  private instanceOf(json: object): object {
    if (!this.isPlain || Object.hasOwn(json, '__proto__'))
      return Object.setPrototypeOf(json, this.prototype) as object;
    const instance = Object.create(this.prototype) as object;
    return Object.assign(instance, json);
  }

  private parse(stored: Readable): unknown {
    try {
      return JSON.parse(stored.data);
    } catch (cause) {
      throw new UnreadableEvent(this.name, 'its data is not JSON', stored, { cause });
    }
  }

  private upcast(data: unknown, stored: Readable): unknown {
    if (!(stored.schemaVersion >= 1 && stored.schemaVersion <= this.version)) {
      const problem = `it was recorded with version ${stored.schemaVersion} of its data and this code knows ${this.version}; use the newer code`;
      throw new UnreadableEvent(this.name, problem, stored);
    }
    let json = data;
    for (let from = stored.schemaVersion; from < this.version; from++)
      json = this.upcastOnce(json, from, stored);
    return json;
  }

  private upcastOnce(data: unknown, from: number, stored: Readable): unknown {
    let next: unknown;
    try {
      next = this.upcasters[from - 1]!(data as Record<string, unknown>);
    } catch (cause) {
      throw new UpcastFailed(
        this.name,
        from,
        `threw: ${cause instanceof Error ? cause.message : String(cause)}`,
        stored,
        { cause },
      );
    }
    return this.copyOfUpcast(next, from, stored);
  }

  /** A copy, because decoding changes it and folds may: an upcaster may well give the same default every time. */
  private copyOfUpcast(next: unknown, from: number, stored: Readable): Json {
    const refuse = (found: string, options?: ErrorOptions): never => {
      const reason = `gave ${found}: it must return the data of version ${from + 1} as JSON`;
      throw new UpcastFailed(this.name, from, reason, stored, options);
    };
    if (next instanceof Promise) return refuse('a promise');
    if (next === null || Array.isArray(next)) return refuse(next ? 'an array' : 'null');
    if (typeof next !== 'object') return refuse(typeof next);
    try {
      return new ValueWriter(this.name, true).write(next);
    } catch (cause) {
      if (!(cause instanceof UnstorableValue)) throw cause;
      return refuse(`${cause.path}, which is ${cause.problem}`, { cause });
    }
  }

  private decodeFields(json: Record<string, unknown>, stored: Readable): void {
    try {
      decodeFields(this.fields, json, this.name);
    } catch (cause) {
      if (!(cause instanceof UnreadableValue)) throw cause;
      throw new UnreadableEvent(this.name, `${cause.path} is not ${cause.wanted}`, stored, { cause });
    }
  }
}

/**
 * The event type of a class.
 *
 * @throws NotAnEvent, MissingUpcaster, PrivateState, InvalidDefinition
 */
export function eventTypeOf(cls: Class): EventType {
  const known = cache.get(cls);
  if (known) return known;
  const definition = definitionOf(cls);
  if (!definition) throw new NotAnEvent(cls.name);
  const type = new EventType(cls, definition);
  cache.set(cls, type);
  return type;
}

/** The class of an event about to be encoded. @throws NotAnEvent for what cannot be one, such as null */
export function classOfEvent(event: unknown): Class {
  if (typeof event !== 'object' || event === null)
    throw new NotAnEvent(event === null ? 'null' : `A value of type ${typeof event}`);
  const cls = (Object.getPrototypeOf(event) as { constructor: unknown } | null)?.constructor;
  if (typeof cls !== 'function') throw new NotAnEvent('An object without a class');
  return cls as Class;
}

const cache = new WeakMap<AnyClass, EventType>();

function setsPlainly(prototype: object): boolean {
  if (prototype === Object.prototype) return true;
  const properties = Object.values(Object.getOwnPropertyDescriptors(prototype));
  const parent = Object.getPrototypeOf(prototype) as object | null;
  return properties.every(({ writable }) => writable === true) && (parent === null || setsPlainly(parent));
}
