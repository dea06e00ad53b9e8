import { idOf, streamName, categoryOf, type StoredEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import type { Pseudonyms } from './pseudonyms.js';

/** A part of events that is not to be seen: its names from the outside in. */
type Place = readonly string[];

/**
 * Puts pseudonyms in place of parts of events. `owner`, `customer.name` are parts of the data, of each element where there is a list;
 * `metadata.actor` of the metadata; `stream` is the id in the name of the stream.
 */
export class Redaction {
  /** Those of which nothing was found so far. */
  readonly unmatched: Set<string>;
  /** What data has at its top, for those that are looked for in vain. */
  readonly names = new Set<string>();
  private readonly data: readonly Place[];
  private readonly metadata: readonly Place[];

  constructor(
    readonly paths: readonly string[],
    private readonly pseudonyms: Pseudonyms,
  ) {
    this.unmatched = new Set(paths);
    const places = paths.filter((it) => it !== STREAM).map((it) => it.split('.'));
    this.metadata = places.filter(([first]) => first === METADATA);
    this.data = places.filter(([first]) => first !== METADATA);
  }

  /** What is not redacted keeps its text. */
  of(event: StoredEvent): StoredEvent {
    return {
      ...event,
      stream: this.stream(event.stream),
      data: this.within(event.data, this.data, []),
      metadata: this.within(event.metadata, this.metadata, [METADATA]),
    };
  }

  stream(name: string): string {
    const id = idOf(name);
    if (!this.paths.includes(STREAM) || id === '') return name;
    this.unmatched.delete(STREAM);
    return streamName(categoryOf(name), this.pseudonyms.text(id));
  }

  private within(text: string, places: readonly Place[], above: Place): string {
    if (places.length === 0) return text;
    let value = JSON.parse(text) as Json;
    if (above.length === 0) this.note(value);
    for (const place of places) value = this.replaced(value, place.slice(above.length), place.join('.'));
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
      return this.pseudonyms.of(value);
    }
    if (Array.isArray(value)) return (value as readonly Json[]).map((it) => this.replaced(it, place, path));
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return value;
    const object = value as Readonly<Record<string, Json>>;
    return { ...object, [name]: this.replaced(object[name]!, rest, path) };
  }
}

const STREAM = 'stream';
const METADATA = 'metadata';
