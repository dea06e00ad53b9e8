import { LIMITS, isName } from '@backstory/core/store';
import { InvalidRule } from './errors.js';

/** A named target: rules route events to it, handlers listen to it. */
export class Topic {
  /** Made by {@link topic}. */
  constructor(readonly name: string) {}

  toString(): string {
    return `topic ${this.name}`;
  }
}

/** The topic of a name, to listen to or to route from. @throws InvalidRule */
export function topic(name: string): Topic {
  if (!isName(name, LIMITS.type))
    throw new InvalidRule(
      String(name),
      'names a topic that is no name: give a short text, e.g. topic("alerts").',
    );
  return new Topic(name);
}
