/**
 * Freezes a value and what is in it, as far as it is not frozen yet, so that a stray change is an error. The content of a
 * Map, Set or Date stays open.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return value;
  // Before what is in it: a cycle ends here.
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
