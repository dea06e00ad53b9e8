import type { AnyClass, Class } from './class-table.js';
import { fieldsOf } from './field.js';
import type { FieldType } from './field-type.js';
import type { Json, JsonObject } from './json.js';
import { ValueWriter } from './value-writer.js';

/**
 * An instance as plain JSON that {@link decodeInstance} reads back as the same instance. `root` begins the paths in messages.
 *
 * @throws UnstorableValue naming the path
 */
export function encodeInstance(instance: object, root?: string): JsonObject {
  const { constructor } = Object.getPrototypeOf(instance) as { constructor: AnyClass };
  return new ValueWriter(root ?? constructor.name).instance(instance, constructor);
}

/** A value as JSON, plain or of a declared type, checked like everything that is stored. @throws UnstorableValue naming the path */
export function encodeValue(value: unknown, root: string, type?: FieldType): Json {
  return new ValueWriter(root).write(value, type);
}

/** Reads what {@link encodeInstance} gave. The constructor does not run. `json` is left as it is. */
export function decodeInstance<T extends object>(cls: Class<T>, json: JsonObject, root = cls.name): T {
  return readFields(cls, JSON.parse(JSON.stringify(json)) as Record<string, Json>, root);
}

/** Makes `json` itself the instance: for JSON that nobody else holds. */
export function readFields<T extends object>(cls: Class<T>, json: Record<string, Json>, root: string): T {
  const fields = fieldsOf(cls);
  if (fields.size > 0) decodeFields(fields, json, root);
  return Object.setPrototypeOf(json, cls.prototype as object) as T;
}

/** Decodes the declared fields in place, so that the order of the keys stays. */
export function decodeFields(
  fields: ReturnType<typeof fieldsOf>,
  json: Record<string, unknown>,
  root: string,
): void {
  for (const [name, type] of fields) {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (value !== undefined && value !== null) json[name] = type.decode(value as Json, `${root}.${name}`);
  }
}
