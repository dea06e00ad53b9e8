import type { AnyClass } from './class-table.js';
import type { Json, JsonObject } from './json.js';

/** How a value that JSON does not know is stored: `instant`, `decimal`, `listOf(Line)` … */
export interface FieldType<Value = unknown> {
  readonly kind: 'plain' | 'instant' | 'decimal' | 'bigint' | 'list' | 'map' | 'set' | 'nested' | 'object';
  /** Of the elements of a list, map or set. */
  readonly of?: FieldType;
  /** Of a list: the field that tells its elements apart, for diffs. */
  readonly key?: string;
  /** Of `nested`. */
  readonly cls?: AnyClass;
  /** It tells of a person: what takes events elsewhere has a pseudonym in its place. */
  readonly isPersonal?: true;
  /** Of the properties of a plain object that are declared. */
  readonly fields?: ReadonlyMap<string, FieldType>;
  /** Never given null or undefined. */
  encode(value: unknown, writer: FieldWriter): Json;
  /** Never given null. May reuse and change `json`. `path` is for messages. */
  decode(json: Json, path: string): Value;
}

/** What a field type may ask of the writer that encodes it. */
export interface FieldWriter {
  write(value: unknown, type?: FieldType): Json;
  array(items: readonly unknown[], type?: FieldType): Json[];
  entries(map: ReadonlyMap<unknown, unknown>, type?: FieldType): Json[];
  instance(value: object, cls: AnyClass): JsonObject;
  object(value: object, fields: ReadonlyMap<string, FieldType>): JsonObject;
  refuse(problem: string, advice: string): never;
}
