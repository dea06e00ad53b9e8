import type { RecordedEvent } from '@backstory/core';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition } from '@backstory/events';

/** Which version of a projection the code is, and what becomes of what an older one made. */
export interface VersionOptions {
  /** A whole number from 1. Raise it whenever the handlers make something else than before: what is stored is then built anew. */
  readonly version: number;
  /**
   * What happens when an application with a higher `version` starts.
   *
   * | value | |
   * |---|---|
   * | `'rebuild'` | a new generation is filled beside the one in use, until somebody swaps them (the default) |
   * | `'swap'` | … and they are swapped as soon as it has caught up |
   * | `'refuse'` | the application does not start |
   */
  readonly changed?: 'rebuild' | 'swap' | 'refuse';
}

/** What a projection of documents is besides its handlers. */
export interface ProjectionOptions extends VersionOptions {
  /**
   * The documents that an event changes, by their keys; none where it gives `undefined` or an empty list. A pure function of the
   * event. Default: one document a stream, called like the stream.
   */
  readonly key?: (recorded: RecordedEvent<object>) => string | readonly string[] | undefined;
  /** Paths in the documents by which they are found and ordered: `['owner', 'address.city']`. */
  readonly indexes?: readonly string[];
  /**
   * Where the documents are kept. `'state'`: in the state store, by one process for all. `'memory'`: in each process, which folds
   * the log anew when it starts. Default `'state'`.
   */
  readonly target?: 'state' | 'memory';
}

/** @throws InvalidOption, InvalidDefinition */
export function checkProjectionOptions(subject: string, options: ProjectionOptions): ProjectionOptions {
  const refuse = (problem: string): never => {
    throw new InvalidDefinition(subject, problem);
  };
  const { version, key, indexes = [], target, changed } = knownOptions(options ?? {}, OPTIONS);
  checkVersion(subject, version);
  if (key !== undefined && typeof key !== 'function') refuse('has a `key` that is no function of the event.');
  if (!Array.isArray(indexes) || !indexes.every(isPath))
    refuse("has `indexes` that are no list of paths, such as ['owner', 'address.city'].");
  const twice = (indexes as readonly string[]).find((path, i) => indexes.indexOf(path) !== i);
  if (twice !== undefined) refuse(`has the index ${twice} twice.`);
  if (!isOneOf(target, ['state', 'memory'])) refuse("has a `target` that is neither 'state' nor 'memory'.");
  checkChanged(subject, changed);
  return options;
}

/** @throws InvalidDefinition */
export function checkVersion(subject: string, version: unknown): void {
  if (Number.isSafeInteger(version) && (version as number) >= 1) return;
  const problem = "needs a version, a whole number from 1, e.g. @Projection('balances', { version: 1 }).";
  throw new InvalidDefinition(subject, problem);
}

/** @throws InvalidDefinition */
export function checkChanged(subject: string, changed: unknown): void {
  if (isOneOf(changed, ['rebuild', 'swap', 'refuse'])) return;
  throw new InvalidDefinition(subject, "has `changed`, which is none of 'rebuild', 'swap' and 'refuse'.");
}

/** @throws InvalidDefinition where one of the `events` is no class */
export function requireClasses(subject: string, events: Readonly<Record<string, unknown>> | undefined): void {
  const none = Object.entries(events ?? {}).find(([, event]) => typeof event !== 'function');
  if (none)
    throw new InvalidDefinition(subject, `has ${none[0]} among its \`events\`, which is no class of events.`);
}

/** Options where documents are of a form of their own. */
export const UNINDEXED: OptionNames<Omit<ProjectionOptions, 'indexes'>> = {
  version: true,
  key: true,
  target: true,
  changed: true,
};
const OPTIONS: OptionNames<ProjectionOptions> = { ...UNINDEXED, indexes: true };

/** Collections are called after it, and a slash ends it there. */
function isPath(path: unknown): boolean {
  return typeof path === 'string' && /^[^./\p{Cc}]+(\.[^./\p{Cc}]+)*$/u.test(path) && path.length <= 100;
}

function isOneOf(value: unknown, allowed: readonly unknown[]): boolean {
  return value === undefined || allowed.includes(value);
}
