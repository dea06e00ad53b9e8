import { types } from 'node:util';
import type { AggregateModel } from '@backstory/aggregate';
import type { Json } from '@backstory/events';
import { LiveState, type PartChange } from './live-state.js';
import { formatStatePath, isKeyed, type StateStep } from './state-path.js';
import { elementType, propertyType, type StateType } from './state-type.js';

/** Reads one part of the state of a live aggregate again and again, and looks at nothing else of it. */
export class LivePart {
  /** What the part is declared to be. */
  readonly type: StateType;
  private readonly live: LiveState;

  constructor(
    model: Pick<AggregateModel<object>, 'type' | 'category' | 'isPure'>,
    private readonly steps: readonly StateStep[],
    /** Who is told of changes; see {@link LiveState}. */
    told?: (change: PartChange) => void,
  ) {
    this.root = model.type;
    this.type = steps.reduce<StateType>(memberType, model.type);
    const path = formatStatePath(steps);
    const root = `${model.category}.state${path === '' || path.startsWith('[') ? path : `.${path}`}`;
    this.live = new LiveState(this.type, root, model.isPure, told);
  }

  private readonly root: StateType;

  /** `undefined` where the state has no such part. @throws UnstorableValue */
  read(state: unknown): Json | undefined {
    let value = state;
    let type = this.root;
    for (const step of this.steps) {
      value = memberOf(value, step);
      if (value === undefined) return undefined;
      type = memberType(type, step);
    }
    return this.live.read(value);
  }
}

function memberType(type: StateType, step: StateStep): StateType {
  return elementType(type) ?? (typeof step === 'string' ? propertyType(type, step) : undefined);
}

function memberOf(value: unknown, step: StateStep): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (types.isMap(value)) return isKeyed(step) ? undefined : value.get(step);
  if (types.isSet(value)) return inSet(value, step);
  if (isKeyed(step))
    return Array.isArray(value) ? withKey(value as readonly unknown[], step.key, step.is) : undefined;
  return Object.hasOwn(value, step) ? (value as Readonly<Record<string | number, unknown>>)[step] : undefined;
}

function inSet(set: ReadonlySet<unknown>, step: StateStep): unknown {
  if (typeof step === 'number') return [...set][step];
  return isKeyed(step) && step.key === '' && set.has(step.is) ? step.is : undefined;
}

function withKey(list: readonly unknown[], key: string, is: unknown): unknown {
  for (const it of list) {
    if (typeof it !== 'object' || it === null || !Object.hasOwn(it, key)) continue;
    const own = (it as Readonly<Record<string, unknown>>)[key];
    // A key that JSON does not know, such as a decimal, is stored as its text.
    if (own === is || (typeof own === 'object' && own !== null && textOf(own) === is)) return it;
  }
  return undefined;
}

function textOf(value: object): string {
  // eslint-disable-next-line @typescript-eslint/no-base-to-string -- a decimal, whose text is its value
  return String(value);
}
