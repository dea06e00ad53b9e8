import type { NewEvent, StoredEvent } from '@backstory/core';
import type { AnyClass, Class } from './class-table.js';
import { definitionOf, type EventDefinition, type Upcaster } from './domain-event.js';
import {
  MissingUpcaster,
  NotAnEvent,
  UnreadableEvent,
  UnreadableValue,
  UpcastFailed,
  type Whereabouts,
} from './errors.js';
import { fieldsOf } from './field.js';
import type { FieldType } from './field-type.js';
import { decodeFields, encodeInstance } from './instance-codec.js';
import { refusePrivateState } from './private-state.js';
import { checkRules, refuseAsyncRules } from './rules.js';

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
    return Object.setPrototypeOf(json, this.prototype) as object;
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
    if (typeof next === 'object' && next !== null && !Array.isArray(next) && !(next instanceof Promise))
      return next;
    const found =
      next instanceof Promise
        ? 'a promise'
        : next === null
          ? 'null'
          : Array.isArray(next)
            ? 'an array'
            : typeof next;
    throw new UpcastFailed(
      this.name,
      from,
      `gave ${found}: it must return the data of version ${from + 1}`,
      stored,
    );
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

const cache = new WeakMap<AnyClass, EventType>();
