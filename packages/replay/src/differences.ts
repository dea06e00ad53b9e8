import type { Json } from '@backstory/events';
import { knownChanges } from './live-state.js';
import type { KeyedStep, StateStep } from './state-path.js';
import { elementType, keyOf, propertyType, tellingOf, type StateType } from './state-type.js';

/** One difference between two states. A side on which the place does not exist is absent. */
export interface Difference {
  readonly steps: readonly StateStep[];
  readonly before?: Json;
  readonly after?: Json;
  /** The elements are in another order; what else became of them is told apart. */
  readonly isOrder?: true;
}

/**
 * Compares states, each of which may share what did not change with the one before it: what is one object is not looked into.
 * Compared one after another, a long list of which one element changed costs little more than looking that element up.
 */
export class StateComparison {
  private steps: StateStep[] = [];
  private found: Difference[] = [];
  /** The keys of a list, handed on from each list to the one it became. */
  private readonly keysIn = new WeakMap<readonly Json[], Keys>();

  constructor(private readonly type: StateType) {}

  /** What is different, in the order of the earlier state; then what is new. */
  between(before: Json, after: Json): readonly Difference[] {
    return this.within({ steps: [], type: this.type }, before, after);
  }

  /** The same of a part of the state. */
  within(
    { steps, type }: { readonly steps: readonly StateStep[]; readonly type: StateType },
    before: Json,
    after: Json,
  ): readonly Difference[] {
    this.found = [];
    this.steps = [...steps];
    this.value(before, after, type);
    this.steps = [];
    return this.found;
  }

  private value(before: Json, after: Json, type: StateType): void {
    if (before === after) return;
    if (!isContainer(before) || !isContainer(after)) return this.tell(before, after);
    if (Array.isArray(before) !== Array.isArray(after)) return this.tell(before, after);
    if (!Array.isArray(before)) return this.object(before as Members, after as Members, type);
    const telling = tellingOf(type);
    if (telling === 'index') return this.list(before, after as Json[], elementType(type));
    this.keyed(before, after as Json[], telling === 'pairs' ? pairs(type) : keyedBy(telling.key, type));
  }

  private object(before: Members, after: Members, type: StateType): void {
    const known = knownChanges(before, after) as readonly string[] | undefined;
    for (const name of known ?? Object.keys(before)) {
      if (!Object.hasOwn(before, name)) continue;
      if (Object.hasOwn(after, name))
        this.member(name, before[name]!, after[name]!, propertyType(type, name));
      else this.only(name, { before: before[name]! });
    }
    for (const name of known ?? Object.keys(after))
      if (!Object.hasOwn(before, name)) this.only(name, { after: after[name]! });
  }

  private list(before: readonly Json[], after: readonly Json[], type: StateType): void {
    const length = Math.min(before.length, after.length);
    for (let i = 0; i < length; i++) if (before[i] !== after[i]) this.member(i, before[i]!, after[i]!, type);
    for (let i = length; i < before.length; i++) this.only(i, { before: before[i]! });
    for (let i = length; i < after.length; i++) this.only(i, { after: after[i]! });
  }

  private keyed(before: readonly Json[], after: readonly Json[], by: Keyed): void {
    const [old, young] = middles(before, after);
    const keys = this.keysIn.get(before) ?? Keys.of(before, by);
    this.keysIn.delete(before);
    const wasTold = keys.isTelling;
    for (const it of old) keys.remove(by.key(it));
    for (const it of young) keys.add(by.key(it));
    this.keysIn.set(after, keys);
    if (!wasTold && !keys.isTelling) return this.list(before, after, by.type);
    // From here on its elements are told apart in another way.
    if (!wasTold || !keys.isTelling) return this.tell(before, after);
    this.elements(old, young, by);
    if (isReordered(old.map(by.key), young.map(by.key)))
      this.found.push({ steps: [...this.steps], before, after, isOrder: true });
  }

  private elements(old: readonly Json[], young: readonly Json[], by: Keyed): void {
    const now = new Map(young.map((it) => [by.key(it), it]));
    const then = new Set(old.map(by.key));
    for (const it of old) {
      const key = by.key(it)!;
      const other = now.get(key);
      if (other === undefined) this.only(by.step(key), { before: by.value(it) });
      else this.member(by.step(key), by.value(it), by.value(other), by.type);
    }
    for (const it of young) {
      const key = by.key(it)!;
      if (!then.has(key)) this.only(by.step(key), { after: by.value(it) });
    }
  }

  private member(step: StateStep, before: Json, after: Json, type: StateType): void {
    this.steps.push(step);
    this.value(before, after, type);
    this.steps.pop();
  }

  private only(step: StateStep, side: { readonly before: Json } | { readonly after: Json }): void {
    this.found.push({ steps: [...this.steps, step], ...side });
  }

  private tell(before: Json, after: Json): void {
    this.found.push({ steps: [...this.steps], before, after });
  }
}

type Members = Readonly<Record<string, Json>>;
type Key = KeyedStep['is'];

/** How the elements of a list are told apart by key, and what of each is compared. */
interface Keyed {
  readonly key: (element: Json) => Key | undefined;
  readonly step: (key: Key) => StateStep;
  readonly value: (element: Json) => Json;
  readonly type: StateType;
}

function keyedBy(key: string, list: StateType): Keyed {
  return {
    key: (element) => keyOf(element, key),
    step: (is) => ({ key, is }),
    value: (element) => element,
    type: elementType(list),
  };
}

/** The pairs that a map is stored as. */
function pairs(map: StateType): Keyed {
  return {
    key: (pair) => (pair as readonly [string, Json])[0],
    step: (key) => key as string,
    value: (pair) => (pair as readonly [string, Json])[1],
    type: elementType(map),
  };
}

/** How often each key is in a list. */
class Keys {
  private readonly counts = new Map<Key | undefined, number>();
  private length = 0;

  static of(list: readonly Json[], { key }: Keyed): Keys {
    const keys = new Keys();
    for (const it of list) keys.add(key(it));
    return keys;
  }

  /** Each element has a key, and no other has the same. */
  get isTelling(): boolean {
    return this.counts.size === this.length && !this.counts.has(undefined);
  }

  add(key: Key | undefined): void {
    this.length++;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  remove(key: Key | undefined): void {
    this.length--;
    const count = this.counts.get(key)!;
    if (count === 1) this.counts.delete(key);
    else this.counts.set(key, count - 1);
  }
}

/** Without what is the same at the beginning and at the end. */
function middles(before: readonly Json[], after: readonly Json[]): [readonly Json[], readonly Json[]] {
  let start = 0;
  let [end, to] = [before.length, after.length];
  while (start < end && start < to && before[start] === after[start]) start++;
  while (end > start && to > start && before[end - 1] === after[to - 1]) [end, to] = [end - 1, to - 1];
  return [before.slice(start, end), after.slice(start, to)];
}

function isReordered(old: readonly unknown[], young: readonly unknown[]): boolean {
  const [inOld, inYoung] = [new Set(old), new Set(young)];
  const kept = old.filter((it) => inYoung.has(it));
  return young.filter((it) => inOld.has(it)).some((it, i) => it !== kept[i]);
}

function isContainer(value: Json): value is Exclude<Json, Key> {
  return typeof value === 'object' && value !== null;
}
