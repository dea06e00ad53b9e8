import { types } from 'node:util';

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

/** Whether nothing in it can change. What is in a Map, Set or Date can. */
export function isDeepFrozen(value: object, seen = new Set<object>()): boolean {
  if (seen.has(value)) return true;
  seen.add(value);
  if (!Object.isFrozen(value) || hasHiddenContent(value)) return false;
  return Object.values(Object.getOwnPropertyDescriptors(value)).every((property) => {
    if (!('value' in property)) return false;
    const member = property.value as unknown;
    return typeof member !== 'object' || member === null || isDeepFrozen(member, seen);
  });
}

function hasHiddenContent(value: object): boolean {
  return types.isDate(value) || types.isMap(value) || types.isSet(value) || ArrayBuffer.isView(value);
}
