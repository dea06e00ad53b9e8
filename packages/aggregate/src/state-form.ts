import { encodeInstance, fieldsOf, nested, type Class, type FieldType, type Json } from '@backstory/events';
import { readFields } from '@backstory/events/codec';
import { deepFreeze } from './deep-freeze.js';
import { isProduction } from './is-production.js';

/** What of an instance is its state, and how it is written and read. */
export interface StateForm {
  /** Whether it is never changed in place but replaced. */
  readonly isPure: boolean;
  /** Functions beside the class that make the state, and what it begins with, where the class does not say so. */
  readonly code: readonly Evolution[];
  readonly initial?: string;
  /** As plain JSON. @throws UnstorableValue naming the path: `account.state.lastSeen` */
  encode(aggregate: object, category: string): Json;
  /** Puts the state that this JSON is into a new instance. */
  restore(aggregate: object, state: Json, category: string): void;
  /** As values: what tests compare. */
  value(aggregate: object): unknown;
  /** What `value` of the instances of a class is declared to be. */
  type(cls: Class): FieldType;
}

/** How a class keeps its state: in the properties of its instances, or all of it in the one called `state`. */
export function stateFormOf(cls: Class): StateForm {
  return Object.hasOwn(cls, FORM) ? (cls as unknown as { [FORM]: StateForm })[FORM] : PROPERTIES;
}

/** Says of a class that the property `state` of its instances is their state: what it begins with, and what changes it. */
export function holdInState(cls: Class, initial: string, code: readonly Evolution[]): void {
  const form: StateForm = { ...WHOLE, initial, code };
  Object.defineProperty(cls, FORM, { value: form });
}

/** `(state, event) => state` */
export type Evolution = (state: unknown, event: never) => unknown;

const FORM = Symbol.for('backstory.state-form');

const PROPERTIES: StateForm = {
  isPure: false,
  code: [],
  encode: (aggregate, category) => encodeInstance(aggregate, `${category}.state`),
  restore(aggregate, state, category) {
    const fields = readFields(classOf(aggregate), state as Record<string, Json>, `${category}.state`);
    // A property that the state does not have was undefined when it was written.
    for (const name of Object.keys(aggregate)) (aggregate as Record<string, unknown>)[name] = undefined;
    Object.assign(aggregate, fields);
  },
  value: (aggregate) => aggregate,
  type: (cls) => nested(cls),
};

// The property's own name completes the paths in messages.
const WHOLE: StateForm = {
  isPure: true,
  code: [],
  encode: (aggregate, category) => encodeInstance(aggregate, category)['state']!,
  restore(aggregate, state, category) {
    const { state: value } = readFields(classOf(aggregate), { state }, category) as {
      readonly state: unknown;
    };
    Object.assign(aggregate, { state: isProduction() ? value : deepFreeze(value) });
  },
  value: (aggregate) => (aggregate as { readonly state: unknown }).state,
  type: (cls) => fieldsOf(cls).get('state')!,
};

function classOf(aggregate: object): Class {
  return (Object.getPrototypeOf(aggregate) as { constructor: Class }).constructor;
}
