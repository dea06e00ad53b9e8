import { LIMITS, isName } from '@backstory/core/store';
import { InvalidDefinition, type Class } from '@backstory/events';
import { checkStateOptions, type DeclaredState, type StateOptions } from './state-options.js';

/**
 * `@Aggregate('account')`: the category of this aggregate's streams, so that account 42 lives in the stream `account-42`.
 * Not inherited: a subclass needs a category of its own.
 */
export function Aggregate(
  category: string,
  options: StateOptions = {},
): (cls: Class, context?: ClassDecoratorContext) => void {
  return (cls) => {
    const problem = categoryProblem(category);
    if (problem) throw new InvalidDefinition(cls.name, problem);
    if (Object.hasOwn(cls, DECLARED))
      throw new InvalidDefinition(cls.name, 'has two @Aggregate decorators: its streams have one category.');
    const declared: DeclaredAggregate = { category, ...checkStateOptions(cls.name, options) };
    Object.defineProperty(cls, DECLARED, { value: declared });
  };
}

/** What `@Aggregate` says of a class. */
export interface DeclaredAggregate extends DeclaredState {
  readonly category: string;
}

/** @throws InvalidDefinition for what is no class, or has no `@Aggregate` of its own */
export function declaredAggregate(cls: Class): DeclaredAggregate {
  if (typeof cls !== 'function') throw new InvalidDefinition('The aggregate', notAClass(cls));
  if (Object.hasOwn(cls, DECLARED)) return (cls as unknown as { [DECLARED]: DeclaredAggregate })[DECLARED];
  throw new InvalidDefinition(
    cls.name,
    "has no category of its own: decorate the class with @Aggregate('…').",
  );
}

const DECLARED = Symbol.for('backstory.aggregate');

function notAClass(given: unknown): string {
  if (given === undefined) return 'is no class but undefined: two files that import each other leave it so.';
  return `is no class but ${typeof given === 'object' ? 'an object' : `a ${typeof given}`}: name the class itself.`;
}

function categoryProblem(category: unknown): string | undefined {
  if (!isName(category, LIMITS.stream / 2))
    return "has an empty, too long or broken category: give a short name, e.g. @Aggregate('account').";
  if (category.includes('-'))
    return `has the category "${category}": the first dash of a stream name ends its category, so it may have none.`;
  if (category.startsWith('_'))
    return `has the category "${category}": categories that begin with "_" belong to the framework.`;
  return undefined;
}
