import { ClassTable, metadataOf, type AnyClass } from './class-table.js';
import { InvalidDefinition } from './errors.js';
import type { FieldType } from './field-type.js';

/** `@Field(instant) readonly at: Date`: how a property is stored that JSON does not know. For events, commands, values and aggregates. */
export function Field(type: FieldType): FieldDecorator {
  return (target: object | undefined, context: string | symbol | ClassFieldDecoratorContext) => {
    if (typeof context === 'object') return declare(metadataOf(context), context.name, type, context.static);
    // Legacy: a decorated parameter of a constructor has no name.
    if (context === undefined) throw new InvalidDefinition(String((target as AnyClass).name), PARAMETER);
    declare(target!.constructor, context, type, typeof target === 'function');
  };
}

/**
 * `@Fields({ at: instant })`: what `@Field` says, for several properties of a class at once. Those that stand in the
 * constructor's parameter list (`constructor(readonly at: Date)`) can be declared only so.
 */
export function Fields(
  types: Readonly<Record<string, FieldType>>,
): (cls: AnyClass, context?: ClassDecoratorContext) => void {
  return (cls) => {
    for (const [name, type] of Object.entries(types)) declare(cls, name, type, false);
  };
}

/** Works as a legacy and as a TC39 property decorator. */
export interface FieldDecorator {
  (target: object, key: string | symbol): void;
  (target: undefined, context: ClassFieldDecoratorContext): void;
}

/** The declared fields of a class and its ancestors; a subclass may declare a field anew. */
export function fieldsOf(cls: AnyClass): ReadonlyMap<string, FieldType> {
  const known = cache.get(cls);
  if (known) return known;
  const fields = new Map(table.all(cls).map(({ name, type }) => [name, type]));
  cache.set(cls, fields);
  return fields;
}

const table = new ClassTable<{ readonly name: string; readonly type: FieldType }>('fields');
const cache = new WeakMap<AnyClass, ReadonlyMap<string, FieldType>>();
const PARAMETER = 'has @Field on a constructor parameter: use @Fields({ name: type }) on the class.';

function declare(owner: object, name: string | symbol, type: FieldType | undefined, isStatic: boolean): void {
  if (typeof name === 'symbol' || isStatic || name.startsWith('#')) {
    throw new InvalidDefinition(
      String(name),
      'has @Field, but only ordinary properties of instances are stored.',
    );
  }
  if (typeof type?.encode !== 'function') {
    throw new InvalidDefinition(
      name,
      'has @Field without a type: give instant, decimal, bigint, listOf, mapOf, setOf or nested.',
    );
  }
  table.add(owner, { name, type });
}
