import { InvalidDefinition, type Json } from '@backstory/events';
import { isReducer, type Reducer } from './reducer.js';

/** What several reducers hold together of one window. */
export type Held = Record<string, Json>;

/** Several reducers at once, each under its name. */
export class Reduction<Value> {
  private readonly reducers: readonly (readonly [string, Reducer<Value, unknown>])[];

  /** @throws InvalidDefinition */
  constructor(reducers: Readonly<Record<string, Reducer<Value, unknown>>>) {
    if (Array.isArray(reducers))
      throw new InvalidDefinition(
        'a window',
        'needs names for its reducers: .reduce({ payments: count() }).',
      );
    this.reducers = Object.entries(reducers ?? {});
    if (this.reducers.length === 0)
      throw new InvalidDefinition('a window', 'needs a reducer at least: .reduce({ payments: count() }).');
    const other = this.reducers.find(([, it]) => !isReducer(it));
    if (other)
      throw new InvalidDefinition(
        'a window',
        `has ${other[0]}, which is no reducer: count(), say, or reducer(…).`,
      );
  }

  /** Those that cannot put together what was apart. */
  get unmergeable(): readonly string[] {
    return this.reducers.flatMap(([name, { merge }]) => (merge ? [] : [name]));
  }

  begin(): Held {
    return Object.fromEntries(this.reducers.map(([name, it]) => [name, it.begin()]));
  }

  add(held: Held, value: Value): void {
    for (const [name, it] of this.reducers) held[name] = it.add(held[name]!, value);
  }

  merge(earlier: Held, later: Held): Held {
    return Object.fromEntries(
      this.reducers.map(([name, it]) => [name, it.merge!(earlier[name]!, later[name]!)]),
    );
  }

  results(held: Held): Record<string, unknown> {
    return Object.fromEntries(this.reducers.map(([name, it]) => [name, it.result(held[name]!)]));
  }
}
