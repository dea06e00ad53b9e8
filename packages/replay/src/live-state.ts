import { isDeepStrictEqual, types } from 'node:util';
import type { AggregateModel } from '@backstory/aggregate';
import { mapOf, type Json } from '@backstory/events';
import { encodeValue, formatPath, isPlain, type PathStep } from '@backstory/events/codec';
import { elementType, propertyType, type StateType } from './state-type.js';

/**
 * Reads the state of a live aggregate as JSON again and again, each time sharing with the last what did not change: a part that
 * is the same is the same object. To know that, it compares the values with those it saw last, which costs a fraction of encoding
 * them; what differs is encoded by the codec that encodes every state. A property that becomes hidden or a getter while its
 * value stays is not noticed.
 */
export class LiveState {
  static of({
    type,
    category,
    isPure,
  }: Pick<AggregateModel<object>, 'type' | 'category' | 'isPure'>): LiveState {
    return new LiveState(type, `${category}.state`, isPure);
  }

  private readonly path: PathStep[] = [];
  private seen: Seen | undefined;

  constructor(
    private readonly type: StateType,
    /** Begins the paths in messages: `account.state`. */
    private readonly root: string,
    /** Whether values are never changed in place, so that the same object is the same value. */
    private readonly isPure: boolean,
  ) {}

  /** @throws UnstorableValue */
  read(value: unknown): Json {
    const { seen } = this;
    // Where it throws, nothing of it is remembered.
    this.seen = undefined;
    this.path.length = 0;
    if (seen) this.again(value, this.type, seen);
    this.seen = seen ?? this.first(value, this.type);
    return this.seen.json;
  }

  private first(value: unknown, type: StateType): Seen {
    return seenIn(value, type, this.encoded(value, type));
  }

  private encoded(value: unknown, type: StateType): Json {
    return encodeValue(value, formatPath(this.path, this.root), type);
  }

  private again(value: unknown, type: StateType, seen: Seen): void {
    if (this.isPure && value === seen.value) return;
    const form = formOf(value, type);
    if (form !== seen.form) Object.assign(seen, this.first(value, type));
    else if (form !== 'leaf') this.parts(value as object, type, seen);
    else {
      const json = this.encoded(value, type);
      if (!isDeepStrictEqual(json, seen.json)) seen.json = json;
    }
    seen.value = value;
  }

  private parts(value: object, type: StateType, seen: Seen): void {
    const { names, values } = partsOf(value, seen.form);
    const length = seen.values.length;
    const isGrown = values.length >= length && (!names || beginsWith(names, seen.names!));
    if (isGrown) grow(seen, names, values.length);
    else this.rearrange(seen, names, values.length);
    if (names && isGrown) for (let i = length; i < names.length; i++) this.checkName(names[i]);
    const changed: number[] = [];
    for (let i = 0; i < values.length; i++) {
      const it = values[i];
      if (!isObject(it) && Object.is(it, seen.values[i])) continue;
      const json = this.part(it, i, type, seen);
      if (json === seen.jsons[i]) continue;
      seen.jsons[i] = json;
      changed.push(i);
    }
    seen.values = values;
    if (isGrown && changed.length === 0) return;
    const before = seen.json;
    seen.json = joined(seen);
    if (isGrown) changes.set(seen.json as object, { before, places: changed.map((i) => names?.[i] ?? i) });
  }

  private part(value: unknown, i: number, of: StateType, seen: Seen): Json {
    const name = seen.names?.[i];
    const type = partType(of, seen.form, name);
    this.path.push(name ?? i);
    const member = seen.members[i];
    let json: Json;
    if (isObject(value) && member) {
      this.again(value, type, member);
      ({ json } = member);
    } else {
      const now = this.first(value, type);
      seen.members[i] = isObject(value) ? now : undefined;
      ({ json } = now);
    }
    this.path.pop();
    if (seen.form !== 'map') return json;
    const pair = seen.jsons[i] as readonly Json[] | undefined;
    return pair?.[1] === json ? pair : [name!, json];
  }

  /** What was seen of each name, in the places that they have now. */
  private rearrange(seen: Seen, names: readonly string[] | undefined, length: number): void {
    const { values, jsons, members } = seen;
    const places = names && new Map(seen.names!.map((name, i) => [name, i]));
    const from = Array.from({ length }, (_, i) => (places ? places.get(names[i]!) : i));
    for (const [i, place] of from.entries()) if (names && place === undefined) this.checkName(names[i]);
    seen.names = names;
    seen.values = from.map((i) => (i === undefined || i >= values.length ? UNSEEN : values[i]));
    seen.jsons = from.map((i) => jsons[i ?? -1]!);
    seen.members = from.map((i) => members[i ?? -1]);
  }

  /** @throws UnstorableValue */
  private checkName(name: unknown): void {
    if (typeof name === 'string') this.encoded({ [name]: null }, undefined);
    else this.encoded(new Map([[name, null]]), mapOf(String));
  }
}

/** What of an object or list became another in the one that was made of it; nothing of it is gone. */
export interface PartChanges {
  readonly before: Json;
  readonly places: readonly PathStep[];
}

/** By what they made: who compares two states that were read one after the other need not look for it. */
const changes = new WeakMap<object, PartChanges>();

/** What is different in one part from the one it was made of, where that is known. */
export function knownChanges(before: Json, after: Json): readonly PathStep[] | undefined {
  const known = changes.get(after as object);
  return known?.before === before ? known.places : undefined;
}

/** A value that was seen, with its JSON and its parts. Changed in place, for it belongs to one reader. */
interface Seen {
  form: Form;
  value: unknown;
  json: Json;
  /** Of the parts; `undefined` where they have only places. */
  names: readonly string[] | undefined;
  values: unknown[];
  /** Of each part; of a map the pair. */
  jsons: Json[];
  /** Of the parts that have parts. */
  members: (Seen | undefined)[];
}

type Form = 'list' | 'set' | 'map' | 'record' | 'instance' | 'leaf';

const UNSEEN = Symbol('unseen');

function seenIn(value: unknown, type: StateType, json: Json): Seen {
  const form = formOf(value, type);
  // A type of somebody's own, which calls itself plain.
  const isLeaf = form === 'leaf' || (type?.kind === 'plain' && !isDeepStrictEqual(json, value));
  if (isLeaf) return { form: 'leaf', value, json, names: undefined, values: [], jsons: [], members: [] };
  const { names, values } = partsOf(value as object, form);
  const jsons =
    names && form !== 'map' ? names.map((it) => (json as Record<string, Json>)[it]!) : [...(json as Json[])];
  const members = values.map((it, i) => {
    const part = form === 'map' ? (jsons[i] as Json[])[1]! : jsons[i]!;
    return isObject(it) ? seenIn(it, partType(type, form, names?.[i]), part) : undefined;
  });
  return { form, value, json, names, values, jsons, members };
}

function formOf(value: unknown, type: StateType): Form {
  if (!isObject(value)) return 'leaf';
  switch (type?.kind) {
    case undefined:
    case 'plain':
      return Array.isArray(value) ? 'list' : isPlain(value) ? 'record' : 'leaf';
    case 'list':
      return Array.isArray(value) ? 'list' : 'leaf';
    case 'set':
      return types.isSet(value) ? 'set' : 'leaf';
    case 'map':
      return types.isMap(value) ? 'map' : 'leaf';
    case 'object':
      return isPlain(value) ? 'record' : 'leaf';
    case 'nested':
      return Object.getPrototypeOf(value) === type.cls!.prototype ? 'instance' : 'leaf';
    default:
      return 'leaf';
  }
}

interface Parts {
  readonly names: readonly string[] | undefined;
  readonly values: unknown[];
}

function partsOf(value: object, form: Form): Parts {
  if (form === 'list') return { names: undefined, values: [...(value as unknown[])] };
  if (form === 'set') return { names: undefined, values: [...(value as Set<unknown>)] };
  if (form === 'map') {
    const map = value as Map<string, unknown>;
    return { names: [...map.keys()], values: [...map.values()] };
  }
  const names = Object.keys(value);
  const values = names.map((name) => (value as Record<string, unknown>)[name]);
  if (form === 'record' || !values.includes(undefined)) return { names, values };
  // A property of an instance that is undefined counts as absent.
  const isThere = (_: unknown, i: number) => values[i] !== undefined;
  return { names: names.filter(isThere), values: values.filter(isThere) };
}

function partType(type: StateType, form: Form, name: string | undefined): StateType {
  return form === 'record' || form === 'instance' ? propertyType(type, name!) : elementType(type);
}

function joined({ form, names, jsons }: Seen): Json {
  if (form !== 'record' && form !== 'instance') return [...jsons];
  const json: Record<string, Json> = {};
  for (let i = 0; i < jsons.length; i++) json[names![i]!] = jsons[i]!;
  return json;
}

function beginsWith(names: readonly string[], beginning: readonly string[]): boolean {
  for (let i = 0; i < beginning.length; i++) if (names[i] !== beginning[i]) return false;
  return true;
}

function grow(seen: Seen, names: readonly string[] | undefined, length: number): void {
  seen.names = names;
  for (let i = seen.values.length; i < length; i++) seen.values.push(UNSEEN);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
