import { InvalidQuery } from '@backstory/core';
import { formatPath, type PathStep } from '@backstory/events/codec';

/** A step to an element of a list by the value of its key, `lines[sku="pen"]`; of a set by the element itself, `tags[="red"]`. */
export interface KeyedStep {
  /** The declared key; empty for a set. */
  readonly key: string;
  readonly is: string | number | boolean | null;
}

/** A step into a state: the name of a property, the index in a list, or the key of an element. */
export type StateStep = PathStep | KeyedStep;

/** Where in a state something is, as text: `lines[sku="pen"].quantity`, `notes[2]`, `prices["a.b"]`. */
export function formatStatePath(steps: readonly StateStep[]): string {
  let text = '';
  for (const step of steps) text += isKeyed(step) ? formatKeyed(step) : formatPath([step], '\0').slice(1);
  return text.replace(/^\./, '');
}

/** The steps of a path. Keys may stand without quotes where a shell would take them away: `lines[sku=pen]`. @throws InvalidQuery */
export function readStatePath(path: string): readonly StateStep[] {
  const steps: StateStep[] = [];
  for (STEP.lastIndex = 0; path === '' || STEP.lastIndex < path.length;) {
    const groups = STEP.exec(path)?.groups;
    const step = groups && stepIn(groups);
    if (step === undefined)
      throw new InvalidQuery('path', `${JSON.stringify(path)} is no path: write it like ${EXAMPLES}.`);
    steps.push(step);
  }
  return steps;
}

export function isKeyed(step: StateStep): step is KeyedStep {
  return typeof step === 'object';
}

// A name, an index, a key quoted as in JSON, or key=value.
const STEP =
  /(?:^|(?<!^)\.)(?<name>[^.[\]"]+)|\[(?<index>\d+)\]|\[(?<quoted>"(?:[^"\\]|\\.)*")\]|\[(?:(?<key>[^="\]]*)|(?<quotedKey>"(?:[^"\\]|\\.)*"))=(?:(?<json>"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)|(?<bare>[^"\]]+))\]/uy;

const EXAMPLES = 'balance, lines[2].sku, lines[sku="pen"].quantity or prices["a.b"]';

function stepIn(groups: Readonly<Record<string, string | undefined>>): StateStep | undefined {
  const { name, index, quoted, key, quotedKey, json, bare } = groups;
  try {
    if (name !== undefined) return name;
    if (index !== undefined) return Number(index);
    if (quoted !== undefined) return JSON.parse(quoted) as string;
    const is = json === undefined ? bare! : (JSON.parse(json) as KeyedStep['is']);
    return { key: quotedKey === undefined ? key! : (JSON.parse(quotedKey) as string), is };
  } catch {
    return undefined;
  }
}

function formatKeyed({ key, is }: KeyedStep): string {
  return `[${/^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(key) || key === '' ? key : JSON.stringify(key)}=${JSON.stringify(is)}]`;
}
