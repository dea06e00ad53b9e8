import type { RecordedEvent } from '@backstory/core';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition, type Class } from '@backstory/events';
import type { ObjectFields } from '@backstory/events/codec';
import type { Deleted } from './deleted.js';
import type { Emit } from '../results/emit.js';
import { checkProjectionName } from './projection-name.js';
import {
  UNINDEXED,
  checkProjectionOptions,
  requireClasses,
  type ProjectionOptions,
} from './projection-options.js';

/**
 * A projection as functions: what a document begins as, and how each event changes it.
 *
 * ```ts
 * const Balances = projection('balances', {
 *   version: 1,
 *   initial: { balance: 0 },
 *   events: { Deposited },
 *   fold: { Deposited: (document, { amount }) => ({ balance: document.balance + amount }) },
 * });
 * ```
 *
 * @throws InvalidDefinition, InvalidOption
 */
export function projection<Document, Events extends Readonly<Record<string, Class>>>(
  name: string,
  parts: ProjectionParts<Document, Events>,
): FunctionalProjection<Document> {
  const { initial, events, fold, fields, ...options } = knownOptions(parts, PARTS);
  checkProjectionName('projection(…)', name);
  checkProjectionOptions(name, options);
  if (initial === undefined)
    throw new InvalidDefinition(name, 'needs `initial`, what a document begins as: { balance: 0 }.');
  const names = Object.keys(events ?? {});
  requireClasses(name, events);
  const missing = names.find((it) => typeof fold?.[it] !== 'function');
  if (missing !== undefined)
    throw new InvalidDefinition(name, `says nothing of ${missing}: give \`fold\` a function ${missing}.`);
  const unknown = Object.keys(fold ?? {}).find((it) => !names.includes(it));
  if (unknown !== undefined)
    throw new InvalidDefinition(name, `folds ${unknown}, which is not among its \`events\`.`);
  const folds = names.map((it) => ({ event: events[it]!, name: it, run: fold[it] as FunctionalFold['run'] }));
  return Object.freeze({ name, options, initial: initial, fields, folds });
}

/** What a functional projection is made of. Its functions are pure: they change nothing and wait for nothing. */
export interface ProjectionParts<
  Document,
  Events extends Readonly<Record<string, Class>>,
> extends ProjectionOptions {
  /** A document before anything has happened, or a function that gives it. Every document begins with a copy. */
  readonly initial: Document | (() => Document);
  /** The event classes, by the names that `fold` uses. */
  readonly events: Events;
  /** By the name of the event, the document after it, or `deleted`. */
  readonly fold: {
    readonly [Name in keyof Events]: (
      document: NoInfer<Document>,
      event: InstanceOf<Events[Name]>,
      recorded: RecordedEvent<InstanceOf<Events[Name]>>,
      key: string,
      emit: Emit,
    ) => NoInfer<Document> | Deleted;
  };
  /** What JSON does not know of a document: `{ openedAt: instant, total: decimal }`. */
  readonly fields?: ObjectFields;
}

type InstanceOf<Cls> = Cls extends Class<infer Event> ? Event : never;

/** What {@link projection} made. */
export interface FunctionalProjection<Document = unknown, Result = unknown> {
  readonly name: string;
  readonly options: ProjectionOptions;
  readonly initial: Document | (() => Document);
  readonly fields: ObjectFields | undefined;
  readonly folds: readonly FunctionalFold[];
  /** Never there: it says to the compiler what the folds emit. */
  readonly emits?: Result;
}

/** An event class and the function that folds it. */
export interface FunctionalFold {
  readonly event: Class;
  readonly name: string;
  readonly run: (
    document: unknown,
    event: object,
    recorded: RecordedEvent<object>,
    key: string,
    emit: Emit,
  ) => unknown;
}

const PARTS: OptionNames<ProjectionParts<never, never>> = {
  ...UNINDEXED,
  indexes: true,
  initial: true,
  events: true,
  fold: true,
  fields: true,
};
