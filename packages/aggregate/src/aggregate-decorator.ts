import { LIMITS, isName } from '@backstory/core/store';
import { InvalidDefinition, type Class } from '@backstory/events';

/**
 * `@Aggregate('account')`: the category of this aggregate's streams, so that account 42 lives in the stream `account-42`.
 * Not inherited: a subclass needs a category of its own.
 */
export function Aggregate(category: string): (cls: Class, context?: ClassDecoratorContext) => void {
  return (cls) => {
    const problem = categoryProblem(category);
    if (problem) throw new InvalidDefinition(cls.name, problem);
    if (Object.hasOwn(cls, CATEGORY))
      throw new InvalidDefinition(cls.name, 'has two @Aggregate decorators: its streams have one category.');
    Object.defineProperty(cls, CATEGORY, { value: category });
  };
}

/** @throws InvalidDefinition for what is no class, or has no `@Aggregate` of its own */
export function categoryOfClass(cls: Class): string {
  if (typeof cls !== 'function') throw new InvalidDefinition('The aggregate', notAClass(cls));
  if (Object.hasOwn(cls, CATEGORY)) return (cls as unknown as { [CATEGORY]: string })[CATEGORY];
  throw new InvalidDefinition(
    cls.name,
    "has no category of its own: decorate the class with @Aggregate('…').",
  );
}

const CATEGORY = Symbol.for('backstory.category');

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
