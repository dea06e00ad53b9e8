import { isDeepStrictEqual } from 'node:util';
import type { AggregateModel } from '@backstory/aggregate';
import { isWellFormed } from '@backstory/core/store';
import { mapOf, type Json } from '@backstory/events';
import { encodeValue, formatPath, type PathStep } from '@backstory/events/codec';
import { formOf, isObject, partType, partsOf, type Form } from './live-form.js';
import type { StateType } from './state-type.js';

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
  /** How many lists and sets are around what is read. Places in them are not what tells their elements apart. */
  private lists = 0;
  private seen: Seen | undefined;

  constructor(
    private readonly type: StateType,
    /** Begins the paths in messages: `account.state`. */
    private readonly root: string,
    /** Whether values are never changed in place, so that the same object is the same value. */
    private readonly isPure: boolean,
    /**
     * Where somebody is told of changes, objects keep their identity and change in place, for to copy a large one with every event
     * costs more than all else: what `read` gives is then good until it is read again.
     */
    private readonly told?: (change: PartChange) => void,
  ) {}

  /** @throws UnstorableValue */
  read(value: unknown): Json {
    const { seen } = this;
    // Where it throws, nothing of it is remembered.
    this.seen = undefined;
    this.path.length = 0;
    this.lists = 0;
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
    const isInPlace = isGrown && this.told !== undefined && this.lists === 0 && isObjectForm(seen.form);
    const changed: number[] = isInPlace ? NONE : [];
    for (let i = 0; i < values.length; i++) {
      const it = values[i];
      if (!isObject(it) && Object.is(it, seen.values[i])) continue;
      const of = partType(type, seen.form, names?.[i]);
      if (isObject(it) && isSmallAndSame(it, of, seen.members[i])) continue;
      const json = this.part(it, i, of, seen);
      if (json === seen.jsons[i]) continue;
      if (isInPlace) this.change(seen, { i, of, json, isNew: i >= length });
      else changed.push(i);
      seen.jsons[i] = json;
    }
    seen.values = values;
    if (isInPlace || (isGrown && changed.length === 0)) return;
    const before = seen.json;
    seen.json = joined(seen);
    if (isGrown) changes.set(seen.json as object, { before, places: changed.map((i) => names?.[i] ?? i) });
  }

  /** Tells of it, and changes the object that there is. */
  private change({ names, jsons, json: object }: Seen, { i, of, json, isNew }: NewPart): void {
    const name = names![i]!;
    const before = isNew ? undefined : jsons[i];
    this.told!({ steps: [...this.path, name], type: of, before, after: json });
    (object as Record<string, Json>)[name] = json;
  }

  private part(value: unknown, i: number, type: StateType, seen: Seen): Json {
    const isInList = seen.names === undefined;
    if (isInList) this.lists++;
    const json = this.jsonOf(value, i, type, seen);
    if (isInList) this.lists--;
    if (seen.form !== 'map') return json;
    const pair = seen.jsons[i] as readonly Json[] | undefined;
    return pair?.[1] === json ? pair : [seen.names![i]!, json];
  }

  private jsonOf(value: unknown, i: number, type: StateType, { names, members }: Seen): Json {
    const seen = members[i];
    members[i] = undefined;
    if (type === undefined && isItsOwnJson(value)) return value;
    this.path.push(names?.[i] ?? i);
    const member = isObject(value) && seen ? seen : this.first(value, type);
    if (member === seen) this.again(value, type, member);
    if (isObject(value)) members[i] = member;
    this.path.pop();
    return member.json;
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

/** What became of a part of a state. `before` is `undefined` where it is new. */
export interface PartChange {
  readonly steps: readonly PathStep[];
  /** What it is declared to be. */
  readonly type: StateType;
  readonly before: Json | undefined;
  readonly after: Json;
}

/** A part of an object that became another, and what it is declared to be. */
interface NewPart {
  readonly i: number;
  readonly of: StateType;
  readonly json: Json;
  readonly isNew: boolean;
}

/** Nobody adds to it. */
const NONE: number[] = [];

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

/** As many parts are compared before anything is made of them. */
const A_FEW = 16;

/** Most of what a large state is made of, most of the time: found out without making anything. */
function isSmallAndSame(value: object, type: StateType, seen: Seen | undefined): boolean {
  return seen !== undefined && seen.values.length <= A_FEW && isSame(value, type, seen);
}

/** Whether nothing is different in a value. `false` where that takes encoding it. */
function isSame(value: unknown, type: StateType, seen: Seen): boolean {
  const { form, names, values, members } = seen;
  if (form === 'leaf' || form === 'set' || form === 'map' || formOf(value, type) !== form) return false;
  const isPart = (it: unknown, i: number) => {
    if (!isObject(it)) return Object.is(it, values[i]);
    const member = members[i];
    return member !== undefined && isSame(it, partType(type, form, names?.[i]), member);
  };
  if (form === 'list') {
    const list = value as readonly unknown[];
    return list.length === values.length && list.every(isPart);
  }
  const own = Object.keys(value as object);
  if (own.length !== names!.length) return false;
  for (let i = 0; i < own.length; i++)
    if (own[i] !== names![i] || !isPart((value as Record<string, unknown>)[own[i]!], i)) return false;
  return true;
}

/** What most parts are. The codec would have nothing to do but to look at them. */
function isItsOwnJson(value: unknown): value is string | number | boolean {
  if (typeof value === 'string') return isWellFormed(value);
  return typeof value === 'number'
    ? Number.isFinite(value) && !Object.is(value, -0)
    : typeof value === 'boolean';
}

function isObjectForm(form: Form): boolean {
  return form === 'record' || form === 'instance';
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
