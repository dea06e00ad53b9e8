import { LIMITS, isWellFormed } from '@backstory/core/store';
import type { AnyClass } from './class-table.js';
import { UnstorableValue } from './errors.js';
import { fieldsOf } from './field.js';
import type { FieldType, FieldWriter } from './field-type.js';
import type { Json, JsonObject } from './json.js';
import { formatPath, type PathStep } from './path.js';
import { adviceFor, isPlain, problemOf, type Place } from './unstorable.js';

/** The own symbol under which the framework keeps what is not state on an instance. The codec passes it over. */
export const internals = Symbol.for('backstory.internals');

/**
 * Turns a value into JSON that reads back as the same value, or refuses it naming the path.
 *
 * The same means: the same type, the same own enumerable properties in the same order, the same values. Whether a
 * property is writable is not part of a value, nor is that two places hold one object.
 */
export class ValueWriter implements FieldWriter {
  private readonly path: PathStep[] = [];
  private readonly open: object[] = [];
  /** The class of the instance, or the plain object, whose property is being written, where it could be declared and is not. */
  private undeclaredIn: AnyClass | 'object' | undefined;
  /** How far down the instance is whose property is being written. None yet: no class is near. */
  private instanceDepth: number | undefined;

  /** `root` begins every path in messages: `account.deposited`. */
  constructor(
    private readonly root: string,
    /** A property that is undefined is left out everywhere, not only on instances. */
    private readonly leavesOutUndefined = false,
  ) {}

  /** A value as a declared type; without one, as plain JSON. `null` is allowed everywhere. */
  write(value: unknown, type?: FieldType): Json {
    if (type && value !== null && value !== undefined) return type.encode(value, this);
    switch (typeof value) {
      case 'string':
        return isWellFormed(value)
          ? value
          : this.refuse('text with half a character (a lone surrogate)', 'repair the text');
      case 'number':
        return this.writeNumber(value);
      case 'boolean':
        return value;
      case 'object':
        return value === null ? null : this.writeObject(value);
      default:
        return this.refuse(...adviceFor(value, this.place()));
    }
  }

  /** A member of the value being written. */
  member(key: string | number, value: unknown, type?: FieldType): Json {
    this.path.push(key);
    const json = this.write(value, type);
    this.path.pop();
    return json;
  }

  array(items: readonly unknown[], type?: FieldType): Json[] {
    if (!Array.isArray(Object.getPrototypeOf(items)))
      this.refuse('an instance of a class derived from Array', 'copy it: [...it]');
    this.enter(items);
    const keys = Reflect.ownKeys(items);
    const json: Json[] = [];
    for (let i = 0; i < items.length; i++) {
      if (keys[i] !== String(i)) this.refuseMember(i, 'a hole in an array', 'use null');
      json.push(this.member(i, this.ownValue(items, String(i)), type));
    }
    const extra = keys.find((key, i) => i >= items.length && key !== 'length');
    if (extra !== undefined)
      this.refuseMember(String(extra), 'a named property of an array', 'use an object');
    this.leave();
    return json;
  }

  /** A map with text keys, as pairs. */
  entries(map: ReadonlyMap<unknown, unknown>, type?: FieldType): Json[] {
    this.enter(map);
    const pairs: Json[] = [];
    for (const [key, value] of map) {
      if (typeof key !== 'string') this.refuse('a Map with a key that is not text', 'use text keys');
      if (!isWellFormed(key))
        this.refuseMember(key, 'a key with half a character (a lone surrogate)', 'repair the text');
      this.enter([]);
      pairs.push([key, this.member(key, value, type)]);
      this.leave();
    }
    this.leave();
    return pairs;
  }

  /** An instance of exactly this class. A field that is undefined counts as absent. */
  instance(value: object, cls: AnyClass): JsonObject {
    if (Object.getPrototypeOf(value) !== cls.prototype) {
      this.refuse(nameOf(value), `only instances of ${cls.name} itself can be read back here`);
    }
    const types = fieldsOf(cls);
    this.enter(value);
    const json: Record<string, Json> = {};
    for (const key of Reflect.ownKeys(value)) {
      if (key === internals) continue;
      const name = this.checkedKey(key);
      const member = this.ownValue(value, name);
      if (member === undefined) continue;
      const type = types.get(name);
      // Nothing can be declared on Object, which stands for plain objects.
      this.undeclaredIn = type || cls === Object ? undefined : cls;
      this.instanceDepth = this.path.length;
      json[name] = this.member(name, member, type);
    }
    this.leave();
    return json;
  }

  /** A plain object of which some properties are declared. */
  object(value: object, fields: ReadonlyMap<string, FieldType>): JsonObject {
    this.enter(value);
    const json: Record<string, Json> = {};
    for (const key of Reflect.ownKeys(value)) {
      const name = this.checkedKey(key);
      const type = fields.get(name);
      this.undeclaredIn = type ? undefined : 'object';
      this.instanceDepth = this.path.length;
      json[name] = this.member(name, this.ownValue(value, name), type);
    }
    this.leave();
    return json;
  }

  refuse(problem: string, advice: string): never {
    throw new UnstorableValue(formatPath(this.path, this.root), problem, advice);
  }

  private writeNumber(value: number): number {
    if (!Number.isFinite(value)) this.refuse(String(value), 'JSON has no such number; use null or text');
    if (Object.is(value, -0)) this.refuse('-0', 'JSON readers disagree about it; use 0');
    return value;
  }

  private writeObject(value: object): Json {
    if (Array.isArray(value)) return this.array(value);
    if (!isPlain(value)) this.refuse(...adviceFor(value, this.place()));
    this.enter(value);
    const json: Record<string, Json> = {};
    for (const key of Reflect.ownKeys(value)) {
      const name = this.checkedKey(key);
      const member = this.ownValue(value, name);
      if (member !== undefined || !this.leavesOutUndefined) json[name] = this.member(name, member);
    }
    this.leave();
    return json;
  }

  private checkedKey(key: string | symbol): string {
    if (typeof key === 'symbol')
      return this.refuseMember(String(key), 'a symbol-keyed property', 'use a text key');
    if (key === '__proto__') this.refuseMember(key, 'a property called __proto__', 'use another name');
    if (!isWellFormed(key))
      this.refuseMember(key, 'a key with half a character (a lone surrogate)', 'repair the text');
    return key;
  }

  private ownValue(owner: object, key: string): unknown {
    const property = Object.getOwnPropertyDescriptor(owner, key)!;
    if (!('value' in property)) this.refuseMember(key, 'a getter or setter', 'store the value itself');
    if (!property.enumerable)
      this.refuseMember(key, 'a hidden (non-enumerable) property', 'make it an ordinary property');
    return property.value;
  }

  private place(): Place {
    if (this.instanceDepth === undefined) return 'plain';
    const steps = this.path.slice(this.instanceDepth);
    if (this.undeclaredIn === 'object') return { steps };
    const [property, item, ...deeper] = steps;
    const isItem = typeof item === 'number';
    if (!this.undeclaredIn || (item !== undefined && !isItem) || deeper.length > 0) return 'inside';
    return { cls: this.undeclaredIn.name, property: String(property), isItem };
  }

  private enter(container: object): void {
    if (this.open.includes(container))
      this.refuse('inside itself (a cycle)', 'store an id instead of the object');
    if (this.open.length === LIMITS.depth)
      this.refuse(`nested more than ${LIMITS.depth} levels deep`, 'flatten it');
    this.open.push(container);
  }

  private leave(): void {
    this.open.pop();
  }

  private refuseMember(key: string | number, problem: string, advice: string): never {
    this.path.push(key);
    return this.refuse(problem, advice);
  }
}

function nameOf(value: object): string {
  if (isPlain(value)) return 'a plain object';
  return Array.isArray(value) ? 'an array' : problemOf(value);
}
