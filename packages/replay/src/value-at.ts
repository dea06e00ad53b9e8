import { InvalidQuery } from '@backstory/core';
import type { Json } from '@backstory/events';
import type { PathStep } from '@backstory/events/codec';

/**
 * The value at a path of a state, `lines[2].sku` or `prices["a.b"]`; `undefined` where the state has no such path.
 *
 * @throws InvalidQuery when the text is no path
 */
export function valueAt(state: Json, path: string): Json | undefined {
  let at: Json | undefined = state;
  for (const step of stepsOf(path)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<PathStep, Json>>)[step];
  }
  return at;
}

// A name, an index, or a key quoted as in JSON.
const STEP = /(?:^|(?<!^)\.)([^.[\]"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/uy;

function stepsOf(path: string): readonly PathStep[] {
  const steps: PathStep[] = [];
  for (STEP.lastIndex = 0; path === '' || STEP.lastIndex < path.length;) {
    const [, name, index, quoted] = STEP.exec(path) ?? [];
    const step = name ?? index ?? (quoted === undefined ? undefined : keyIn(quoted));
    if (step === undefined)
      throw new InvalidQuery('path', `${JSON.stringify(path)} is no path: write it like ${EXAMPLES}.`);
    steps.push(index === undefined ? step : Number(index));
  }
  return steps;
}

const EXAMPLES = 'balance, lines[2].sku or prices["a.b"]';

function keyIn(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}
