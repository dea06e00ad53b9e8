/**
 * Freezes a value and all that is in it, so that a stray change is an error. The content of a Map, Set or Date stays open.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || done.has(value) || ArrayBuffer.isView(value))
    return value;
  // Before what is in it: a cycle ends here.
  done.add(value);
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}

/** Frozen here, with all that is in it. Somebody else may have frozen the outside only. */
const done = new WeakSet<object>();
