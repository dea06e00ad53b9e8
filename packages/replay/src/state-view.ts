import { fieldsOf, type Json } from '@backstory/events';
import { elementType, propertyType, type StateType } from './state-type.js';

/**
 * A state as an expression sees it: a map, which is stored as pairs, is an object with its entries. What is shared between two
 * states is made once.
 */
export class StateView {
  private readonly made = new WeakMap<object, unknown>();
  private readonly withMaps = new Map<StateType, boolean>();

  of(value: Json | undefined, type: StateType): unknown {
    if (typeof value !== 'object' || value === null || !this.hasMap(type)) return value;
    const known = this.made.get(value);
    if (known !== undefined) return known;
    const view = this.make(value, type);
    this.made.set(value, view);
    return view;
  }

  private make(value: object, type: StateType): unknown {
    const of = elementType(type);
    if (type?.kind === 'map') {
      const entries = (value as readonly (readonly [string, Json])[]).map(
        ([name, it]) => [name, this.of(it, of)] as const,
      );
      return Object.fromEntries(entries);
    }
    if (Array.isArray(value)) return (value as readonly Json[]).map((it) => this.of(it, of));
    const members = Object.entries(value as Readonly<Record<string, Json>>);
    return Object.fromEntries(members.map(([name, it]) => [name, this.of(it, propertyType(type, name))]));
  }

  private hasMap(type: StateType): boolean {
    const known = this.withMaps.get(type);
    if (known !== undefined || !type) return known ?? false;
    // A class inside itself has one where any other of its fields has.
    this.withMaps.set(type, false);
    const fields = type.kind === 'nested' ? fieldsOf(type.cls!) : type.fields;
    const has =
      type.kind === 'map' ||
      this.hasMap(type.of) ||
      [...(fields?.values() ?? [])].some((it) => this.hasMap(it));
    this.withMaps.set(type, has);
    return has;
  }
}
