import { inspect, types } from 'node:util';
import {
  EventHandler,
  Fields,
  nested,
  type AnyClass,
  type Class,
  type FieldType,
  type Json,
} from '@backstory/events';
import { encodeValue, isPlain, objectOf, type ObjectFields } from '@backstory/events/codec';
import { Aggregate } from './aggregate-decorator.js';
import { recordOf } from './aggregate-record.js';
import { checkParts, type UntypedParts } from './decider-parts.js';
import { deepFreeze } from './deep-freeze.js';
import { AsyncDecision, AsyncFold, InvalidDecision, InvalidEvolution } from './errors.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';
import { isProduction } from './is-production.js';
import { raiseAll } from './raise.js';
import { holdInState } from './state-form.js';
import { isThenable } from './thenable.js';

/** The aggregate class that a decider stands for: its commands raise what they decide, its handlers replace the state. */
export function compileDecider(category: string, parts: UntypedParts): Class<EventSourcedAggregate> {
  checkParts(category, parts);
  const cls = classWith(category, parts);
  for (const name of Object.keys(parts.decide))
    define(cls, name, command(`${category}.${name}`, parts.decide, name));
  for (const [name, event] of Object.entries(parts.events)) {
    const method = `evolve.${name}`;
    define(cls, method, handler(`${category}.${method}`, parts.evolve, name));
    EventHandler(event)(cls.prototype as object, method, {});
  }
  return cls;
}

interface DeciderAggregate extends EventSourcedAggregate {
  state: unknown;
}
type Table = Readonly<Record<string, (state: unknown, ...given: never[]) => unknown>>;

/** The class, with nothing but its initial state, of which every instance has its own copy. */
function classWith(category: string, parts: UntypedParts): Class<DeciderAggregate> {
  const { initial, fields, evolve, events: _, decide: __, ...options } = parts;
  const value = typeof initial === 'function' ? (initial as () => unknown)() : initial;
  const type = stateType(value, fields);
  const path = `${category}.state`;
  const text = JSON.stringify(encodeValue(value, path, type));
  const copy = () => {
    const json = JSON.parse(text) as Json;
    const state = json === null ? null : type.decode(json, path);
    return isProduction() ? state : deepFreeze(state);
  };
  const cls = class extends EventSourcedAggregate {
    state: unknown = copy();
  };
  Object.defineProperty(cls, 'name', { value: category });
  Aggregate(category, options)(cls);
  Fields({ state: type })(cls);
  holdInState(cls, text, Object.values(evolve));
  return cls;
}

/** Called as a member of its table, so that one decision may use another: `this.withdraw(state, amount)`. */
function command(at: string, decide: Table, name: string) {
  return function (this: DeciderAggregate, ...given: never[]): void {
    recordOf(this).checkOpen();
    const decision = decide[name]!(this.state, ...given);
    if (isThenable(decision)) throw new AsyncDecision(at);
    if (decision === undefined) return;
    const events: unknown[] = Array.isArray(decision) ? decision : [decision];
    // Not find: what is wanted may be undefined.
    const odd = events.findIndex((event) => !isInstance(event) || isPlain(event));
    if (odd >= 0) throw new InvalidDecision(at, described(events[odd]));
    raiseAll(this, events as object[]);
  };
}

function described(value: unknown): string {
  if (typeof value !== 'object' || value === null) return inspect(value);
  return isPlain(value) ? 'a plain object' : `an instance of ${(value as object).constructor.name}`;
}

function handler(at: string, evolve: Table, name: string) {
  return function (this: DeciderAggregate, event: never): void {
    let next: unknown;
    try {
      next = evolve[name]!(this.state, event);
    } catch (cause) {
      if (cause instanceof TypeError && FROZEN.test(cause.message))
        throw new InvalidEvolution(at, CHANGED, { cause });
      throw cause;
    }
    if (isThenable(next)) throw new AsyncFold(at);
    if (next === undefined) throw new InvalidEvolution(at, NOTHING);
    this.state = recordOf(this).isDevelopment ? deepFreeze(next) : next;
  };
}

const NOTHING = 'returned undefined: return the next state, or the state it was given where nothing changes';
const CHANGED =
  'changes the state or the event it was given: return a new state instead, such as { ...state, total: 1 }';
/** What V8 says of a change to a frozen object. */
const FROZEN = /^Cannot (assign to read only|add|delete|define) property/;

function define(cls: Class, name: string, value: (...given: never[]) => void): void {
  Object.defineProperty(cls.prototype, name, { value, writable: true, configurable: true });
}

function stateType(initial: unknown, fields: ObjectFields | undefined): FieldType {
  if (fields) return objectOf(fields);
  if (isPlain(initial) || !isInstance(initial)) return jsonOrObject;
  return nested(initial.constructor as AnyClass);
}

/** Of a class that somebody wrote. What JSON does not know is refused when it is encoded. */
function isInstance(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return !(types.isDate(value) || types.isMap(value) || types.isSet(value));
}

const nothingDeclared = new Map<string, FieldType>();
/** A state may be an object now and text later; of an object, messages say how to declare its properties. */
const jsonOrObject: FieldType = {
  kind: 'plain',
  encode: (value, writer) => (isPlain(value) ? writer.object(value, nothingDeclared) : writer.write(value)),
  decode: (json) => json,
};
