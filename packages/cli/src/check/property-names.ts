import { categoryOf } from '@backstory/core';
import type { Trail } from '@backstory/replay/check';
import { UsageError } from '../errors.js';

/** The properties that states had: a name that none had is misspelt, and would leave out nothing. */
export class PropertyNames {
  private readonly names = new Set<string>();

  add({ stream, steps }: Trail): void {
    const category = categoryOf(stream);
    for (const [, fields] of steps)
      for (const name of Object.keys(fields)) this.names.add(name).add(`${category}:${name}`);
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  /** @throws UsageError */
  require(name: string, option: string): void {
    if (this.has(name)) return;
    const known = [...this.names].filter((it) => !it.includes(':')).sort();
    throw new UsageError(
      'unknown-property',
      `${option}: no state had ${name}. Give a property of the state itself, not of what is in it: ${known.join(', ') || 'there is none'}.`,
    );
  }
}

/** Names of a command line, and the states in which they have to be. */
interface GivenNames {
  /** Of the states as they were, and as they are now. */
  readonly had: PropertyNames;
  readonly has: PropertyNames;
  readonly renamed: Readonly<Record<string, string>>;
  readonly ignore: readonly string[];
}

/** @throws UsageError for a name that no state had */
export function requireNames({ had, has, renamed, ignore }: GivenNames): void {
  for (const name of ignore) if (!has.has(name)) had.require(name, '--ignore');
  for (const [old, now] of Object.entries(renamed)) {
    had.require(old, `--map ${old}=${now}`);
    has.require(now, `--map ${old}=${now}`);
  }
}
