import { idOf, streamName, categoryOf, type StoredEvent } from '@backstory/core';
import { nested, type EventTypes, type FieldType, type Json } from '@backstory/events';
import { Leftovers } from './leftovers.js';
import { personalPaths, replacePersonal } from './personal-fields.js';
import type { Pseudonyms } from './pseudonyms.js';

/** A part of events that is not to be seen: its names from the outside in. */
type Place = readonly string[];

/**
 * Puts pseudonyms in place of parts of events. `owner`, `customer.name` are parts of the data, of each element where there is a list;
 * `metadata.actor` of the metadata; `stream` is the id in the name of the stream. What event types declare to be `personal` is
 * replaced as well.
 */
export class Redaction {
  /** Those of which nothing was found so far. */
  readonly unmatched: Set<string>;
  /** What data has at its top, for those that are looked for in vain. */
  readonly names = new Set<string>();
  /** Personal fields of which something was found. */
  readonly personal = new Set<string>();
  /** Types whose events have older data, in which personal fields may be called otherwise. */
  readonly older = new Set<string>();
  /** In how many events what was redacted still stands in another place, as far as that is known by then. */
  readonly leftovers = new Map<string, number>();
  private readonly data: readonly Place[];
  private readonly metadata: readonly Place[];
  private readonly hidden = new Leftovers();
  private readonly declared = new Map<string, Declared | undefined>();

  constructor(
    readonly paths: readonly string[],
    private readonly pseudonyms: Pseudonyms,
    private readonly types?: EventTypes,
  ) {
    this.unmatched = new Set(paths);
    const places = paths.filter((it) => it !== STREAM).map((it) => it.split('.'));
    this.metadata = places.filter(([first]) => first === METADATA);
    this.data = places.filter(([first]) => first !== METADATA);
  }

  /** Every path that is replaced where it is: those that are named, and those that types declare. */
  get everything(): readonly string[] {
    const declared = (this.types?.all ?? []).flatMap(({ cls }) => personalPaths(nested(cls)));
    return [...new Set([...this.paths, ...declared])];
  }

  /** What is not redacted keeps its text. */
  of(event: StoredEvent): StoredEvent {
    const declared = this.declaredOf(event);
    const made = {
      ...event,
      stream: this.stream(event.stream),
      data: this.within(event.data, this.data, [], declared),
      metadata: this.within(event.metadata, this.metadata, [METADATA]),
    };
    this.look(made);
    return made;
  }

  stream(name: string): string {
    const id = idOf(name);
    if (!this.paths.includes(STREAM) || id === '') return name;
    this.unmatched.delete(STREAM);
    this.hidden.hide(id);
    return streamName(categoryOf(name), this.pseudonyms.text(id));
  }

  private declaredOf({ type, schemaVersion }: StoredEvent): Declared | undefined {
    if (!this.declared.has(type)) this.declared.set(type, declaredBy(this.types, type));
    const declared = this.declared.get(type);
    if (declared && schemaVersion !== declared.version) this.older.add(type);
    return declared;
  }

  private within(text: string, places: readonly Place[], above: Place, declared?: Declared): string {
    if (places.length === 0 && !declared) return text;
    let value = JSON.parse(text) as Json;
    if (above.length === 0) this.note(value);
    for (const place of places) {
      const path = place.join('.');
      // Once is enough: equal values are to become equal ones.
      if (!declared?.paths.includes(path)) value = this.replaced(value, place.slice(above.length), path);
    }
    if (declared) value = replacePersonal(value, declared, (it, path) => this.personalIn(it, path));
    return JSON.stringify(value);
  }

  private note(data: Json): void {
    if (typeof data !== 'object' || data === null || Array.isArray(data) || this.names.size >= 50) return;
    for (const name of Object.keys(data)) this.names.add(name);
  }

  private replaced(value: Json, place: Place, path: string): Json {
    const [name, ...rest] = place;
    if (name === undefined) {
      this.unmatched.delete(path);
      return this.pseudonym(value);
    }
    if (Array.isArray(value)) return (value as readonly Json[]).map((it) => this.replaced(it, place, path));
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return value;
    const object = value as Readonly<Record<string, Json>>;
    return { ...object, [name]: this.replaced(object[name]!, rest, path) };
  }

  private personalIn(value: Json, path: string): Json {
    this.personal.add(path);
    this.unmatched.delete(path);
    return this.pseudonym(value);
  }

  private pseudonym(value: Json): Json {
    this.hidden.hide(value);
    return this.pseudonyms.of(value);
  }

  private look({ stream, data, metadata }: StoredEvent): void {
    if (this.hidden.isEmpty) return;
    const places = [
      ...this.hidden.in(stream, STREAM),
      ...this.hidden.in(JSON.parse(data) as Json, ''),
      ...this.hidden.in(JSON.parse(metadata) as Json, METADATA),
    ];
    for (const place of places) this.leftovers.set(place, (this.leftovers.get(place) ?? 0) + 1);
  }
}

/** An event type with personal fields. */
interface Declared {
  readonly type: FieldType;
  readonly paths: readonly string[];
  readonly version: number;
}

function declaredBy(types: EventTypes | undefined, name: string): Declared | undefined {
  const known = types?.find(name);
  if (!known) return undefined;
  const type = nested(known.cls);
  const paths = personalPaths(type);
  return paths.length === 0 ? undefined : { type, paths, version: known.version };
}

const STREAM = 'stream';
const METADATA = 'metadata';
