import { createHash } from 'node:crypto';
import { fieldsOf, type AnyClass, type EventTypes, type FieldType } from '@backstory/events';
import { definitionOf } from '@backstory/events/codec';
import type { FoldStep } from './fold-plan.js';

/** The code that makes a state of events, as far as it can be seen. */
export interface FoldingCode {
  /** The declared version of the state, for what cannot be seen. */
  readonly version: number;
  /** The class of the aggregate; of a decider also its functions. */
  readonly code: readonly AnyFunction[];
  /** Where the classes of the framework begin. */
  readonly base?: AnyClass;
  readonly types: EventTypes;
  readonly steps: ReadonlyMap<string, FoldStep>;
  /** What the state begins with, where it is no class that says so. */
  readonly initial: string | undefined;
}

/**
 * A text that is another one when the code is another one: its declared version; the source of the aggregate, of its
 * events with their names, versions and upcasters, and of the classes inside both; what their fields are declared to be.
 * Not seen are functions that handlers call and that stand outside these classes.
 */
export function stateShape({ version, code, base, types, steps, initial }: FoldingCode): string {
  const source = new Source(base);
  const parts = [
    version,
    code.map((it) => source.of(it)),
    initial ?? null,
    types.all
      .map(({ cls, name, aliases, version: of }) => {
        const upcast = Object.entries(definitionOf(cls)?.upcast ?? {}).map(([from, up]) => [
          from,
          String(up),
        ]);
        return [name, [...aliases].sort(), of, String(steps.get(name)?.method), upcast, source.of(cls)];
      })
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** A function or a class. */
export type AnyFunction = AnyClass | ((...args: never[]) => unknown);

/** The source of functions and classes, each described once. */
class Source {
  private readonly seen: Set<unknown>;

  constructor(base: AnyClass | undefined) {
    this.seen = new Set([Function.prototype, base]);
  }

  of(it: AnyFunction): unknown {
    if (this.seen.has(it)) return it.name;
    this.seen.add(it);
    return [
      String(it),
      this.of(Object.getPrototypeOf(it) as AnyFunction),
      isClass(it) ? [membersOf(it), this.ofFields(fieldsOf(it))] : null,
    ];
  }

  ofFields(fields: ReadonlyMap<string, FieldType>): unknown {
    return [...fields].map(([name, type]) => [name, this.ofType(type)]);
  }

  private ofType({ kind, of, cls, fields }: FieldType): unknown {
    return [
      kind,
      of ? this.ofType(of) : null,
      cls ? this.of(cls) : null,
      fields ? this.ofFields(fields) : null,
    ];
  }
}

function isClass(it: AnyFunction): it is AnyClass {
  return typeof it.prototype === 'object' && it.prototype !== null;
}

/** What compilers and decorators put on the prototype is not in the text of the class. */
function membersOf({ prototype }: AnyClass): unknown {
  const members = Object.entries(Object.getOwnPropertyDescriptors(prototype as object));
  return members
    .filter(([name]) => name !== 'constructor')
    .map(([name, member]) => [name, Object.values(member).filter(isFunction).map(String)]);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}
