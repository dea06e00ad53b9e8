import { types } from 'node:util';
import { Big } from '@backstory/events';
import { InvalidFilter } from './errors.js';

/** A step into a value: a key, an index, or every element. */
export type Step = string | number | typeof EACH;
/** `[*]` */
export const EACH = Symbol('each');

// A name, an index, every element, or a key quoted as in JSON.
const STEP = /(?:^|(?<!^)\.)([^.[\]"]+)|\[(\d+|\*)\]|\[("(?:[^"\\]|\\.)*")\]/uy;

/** The steps of `lines[*].sku` or `prices["a.b"]`. @throws InvalidFilter */
export function stepsOf(path: unknown, condition: string): readonly Step[] {
  const refuse = (): never => {
    throw new InvalidFilter(
      condition,
      `${String(JSON.stringify(path))} is no path: write it like ${EXAMPLES}.`,
    );
  };
  if (typeof path !== 'string' || path === '') return refuse();
  const steps: Step[] = [];
  for (STEP.lastIndex = 0; STEP.lastIndex < path.length;) {
    const [, name, index, quoted] = STEP.exec(path) ?? [];
    const step = name ?? (index === '*' ? EACH : index && Number(index)) ?? (quoted && keyIn(quoted));
    if (step === undefined) return refuse();
    steps.push(step);
  }
  return steps;
}

/**
 * The values at a path, in the form in which they are stored: of an event as JSON and of its instance they are the same.
 * None where there is no such path; several where it goes through every element.
 */
export function valuesAt(root: unknown, steps: readonly Step[]): readonly unknown[] {
  let found: readonly unknown[] = [root];
  for (const step of steps) {
    found = found.flatMap((value) => inside(value, step));
    if (found.length === 0) return found;
  }
  return found.map(stored);
}

const EXAMPLES = 'amount, lines[2].sku, lines[*].sku or prices["a.b"]';

function keyIn(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

function inside(given: unknown, step: Step): readonly unknown[] {
  const value = stored(given);
  if (typeof value !== 'object' || value === null) return [];
  const map = typeof step === 'number' ? undefined : mapIn(value);
  if (map) return step === EACH ? [...map.values()] : map.has(step) ? [map.get(step)] : [];
  const at = types.isMap(value) || types.isSet(value) ? [...value] : value;
  if (step === EACH) return Array.isArray(at) ? at : Object.values(at);
  // A list has no names, not even `length`: a map is stored as one.
  if (Array.isArray(at) !== (typeof step === 'number')) return [];
  return Object.hasOwn(at, step) ? [(at as Readonly<Record<string | number, unknown>>)[step]] : [];
}

/** A map, or what one is stored as: a list of pairs of a key and its value. */
function mapIn(value: object): ReadonlyMap<unknown, unknown> | undefined {
  if (types.isMap(value)) return value;
  return Array.isArray(value) && value.length > 0 && value.every(isPair) ? new Map(value) : undefined;
}

function isPair(it: unknown): it is [string, unknown] {
  return Array.isArray(it) && it.length === 2 && typeof it[0] === 'string';
}

/** As its field type stores it. */
function stored(value: unknown): unknown {
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Big || typeof value === 'bigint') return value.toString();
  return value;
}
