import { types } from 'node:util';
import { isPlain } from '@backstory/events/codec';
import { elementType, propertyType, type StateType } from './state-type.js';

/** What a value of a live state is to its reader: what its parts are, and how they are told apart. */
export type Form = 'list' | 'set' | 'map' | 'record' | 'instance' | 'leaf';

/** What it is, as it is declared. */
export function formOf(value: unknown, type: StateType): Form {
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

/** The parts of a value; without names where they have only places. */
export interface Parts {
  readonly names: readonly string[] | undefined;
  readonly values: unknown[];
}

/** Its parts, as they are now. */
export function partsOf(value: object, form: Form): Parts {
  if (form === 'list') return { names: undefined, values: [...(value as unknown[])] };
  if (form === 'set') return { names: undefined, values: [...(value as Set<unknown>)] };
  if (form === 'map') {
    const map = value as Map<string, unknown>;
    return { names: [...map.keys()], values: [...map.values()] };
  }
  const names = Object.keys(value);
  const values = new Array<unknown>(names.length);
  for (let i = 0; i < names.length; i++) values[i] = (value as Record<string, unknown>)[names[i]!];
  if (form === 'record' || !values.includes(undefined)) return { names, values };
  // A property of an instance that is undefined counts as absent.
  const isThere = (_: unknown, i: number) => values[i] !== undefined;
  return { names: names.filter(isThere), values: values.filter(isThere) };
}

/** What a part of it is declared to be. */
export function partType(type: StateType, form: Form, name: string | undefined): StateType {
  return form === 'record' || form === 'instance' ? propertyType(type, name!) : elementType(type);
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
