import type { Class } from '@backstory/events';
import type { ObjectFields } from '@backstory/events/codec';
import { compileDecider } from './decider-class.js';
import type { EventSourcedAggregate } from './event-sourced-aggregate.js';
import type { StateOptions } from './state-options.js';

/**
 * An aggregate as functions: what it begins with, what it decides, and how each event changes its state.
 *
 * ```ts
 * const Account = decider('account', {
 *   initial: { balance: 0 },
 *   events: { Deposited },
 *   decide: { deposit: (state, amount: number) => new Deposited(amount) },
 *   evolve: { Deposited: (state, { amount }) => ({ balance: state.balance + amount }) },
 * });
 * ```
 *
 * It gives a class that is used like any other aggregate: `repository(Account).update('42', (account) =>
 * account.deposit(100))`. Its commands are methods without the state; the state is `account.state`.
 *
 * @throws InvalidDefinition, AsyncFold, AsyncDecision, NotAnEvent, UnstorableValue (of the initial state) …
 */
export function decider<State, Events extends EventTable, Commands extends CommandTable>(
  category: string,
  parts: DeciderParts<State, Events, Commands>,
): DeciderClass<State, Commands> {
  return compileDecider(category, parts as never) as DeciderClass<State, Commands>;
}

/** What a decider is made of. Its functions are pure: they change nothing and wait for nothing. */
export interface DeciderParts<
  State,
  Events extends EventTable,
  Commands extends CommandTable,
> extends StateOptions {
  /** The state before anything has happened, or a function that gives it. Every aggregate begins with a copy. */
  readonly initial: State | (() => State);
  /** The event classes, by the names that `evolve` uses. */
  readonly events: Events;
  /**
   * By the name of the command, what happens: one event, several, or none. Several are recorded together. It refuses by
   * throwing.
   */
  readonly decide: {
    readonly [Name in keyof Commands]: (
      state: NoInfer<State>,
      ...given: Commands[Name]
    ) => Decision<InstanceOf<Events[keyof Events]>>;
  };
  /** By the name of the event, the state after it. An event that rightly changes nothing gives the state it was given. */
  readonly evolve: { readonly [Name in keyof Events]: Evolve<State, InstanceOf<Events[Name]>> };
  /** What JSON does not know of a state that is a plain object: `{ openedAt: instant, lines: listOf({ price: decimal }) }`. */
  readonly fields?: ObjectFields;
}

/** The class that {@link decider} gives. */
export type DeciderClass<State, Commands> = new () => EventSourcedAggregate & {
  /** The state that the events made. It is frozen outside production. */
  readonly state: State;
} & {
  // Without commands TypeScript would infer that there may be any.
  readonly [Name in keyof Commands as string extends Name ? never : Name]: (
    ...given: Given<Commands[Name]>
  ) => void;
};

/** The events that a decider may give: each class under the name by which `decide` and `evolve` know it. */
export type EventTable = Readonly<Record<string, Class>>;
/** What commands are given, by name. */
export type CommandTable = Readonly<Record<string, readonly unknown[]>>;
/** What `decide` gives for a command: the event that it leads to, a list of them, or `undefined` when nothing happens. */
export type Decision<Event> = Event | readonly Event[] | undefined;

/**
 * `(state, event) => state`. Conditional, because TypeScript looks through such a type when it infers: so `'open'` in what a
 * function returns stays `'open'`, and is no `string`, without an annotation. The second branch does the same for
 * functions without parameters, which are looked at before the type of the state is known.
 */
export type Evolve<State, Event> = [State] extends [unknown]
  ? (state: State, event: Event) => State
  : (state: State, event: Event) => Literal;

type Literal = '' | 0 | false | null | undefined | readonly Literal[] | { readonly [key: string]: Literal };
type InstanceOf<Cls> = Cls extends Class<infer Event> ? Event : never;
type Given<Parameters> = Parameters extends readonly unknown[] ? Parameters : never;
