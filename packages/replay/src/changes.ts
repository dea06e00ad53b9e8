import type { Json } from '@backstory/events';
import { formatPath, type PathStep } from '@backstory/events/codec';
import compare from 'microdiff';

/** One difference between two states. A side on which the path does not exist is absent. */
export interface Change {
  /** `lines[2].sku`; empty when the state as a whole is another kind of value. */
  readonly path: string;
  readonly before?: Json;
  readonly after?: Json;
}

/** What changed from one state to another, in the order of its keys. Elements of arrays are compared by index. */
export function changesBetween(before: Json, after: Json): readonly Change[] {
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after)) {
    return before === after ? [] : [{ path: '', before, after }];
  }
  return compare(bare(before) as object, bare(after) as object, { cyclesFix: false }).map((it): Change => {
    const path = formatPath(it.path);
    if (it.type === 'CREATE') return { path, after: valueAt(after, it.path) };
    if (it.type === 'REMOVE') return { path, before: valueAt(before, it.path) };
    return { path, before: valueAt(before, it.path), after: valueAt(after, it.path) };
  });
}

function isContainer(value: Json): value is Exclude<Json, string | number | boolean | null> {
  return typeof value === 'object' && value !== null;
}

/** Without prototypes: the comparison asks with `in`, to which every ordinary object has a `toString`. */
function bare(value: Json): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (!isContainer(value)) return value;
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(value)) copy[key] = bare(member);
  return copy;
}

function valueAt(value: Json, path: readonly PathStep[]): Json {
  return path.reduce<Json>((at, step) => (at as Readonly<Record<PathStep, Json>>)[step]!, value);
}
