import { isProduction } from './is-production.js';

/**
 * Freezes a value and what is in it, as far as it is not frozen yet, so that a stray change is an error; not in
 * production. The content of a Map, Set or Date stays open.
 */
export function freezeInDevelopment<T>(value: T): T {
  if (!isProduction()) deepFreeze(value);
  return value;
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return;
  // Before what is in it: a cycle ends here.
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
}
