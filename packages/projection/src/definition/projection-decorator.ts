import { LIMITS, isName } from '@backstory/core/store';
import { InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import { checkProjectionOptions, type ProjectionOptions } from './projection-options.js';

/**
 * `@Projection('balances', { version: 1 })`: a class whose instances are the documents of a read model. Its `@EventHandler`
 * methods fold the events of one document into it. It is constructed without arguments when a document begins.
 */
export function Projection(
  name: string,
  options: ProjectionOptions,
): (cls: Class, context?: ClassDecoratorContext) => void {
  return (cls) => {
    checkProjectionName(cls.name, name);
    checkProjectionOptions(cls.name, options);
    if (declaredProjection(cls))
      throw new InvalidDefinition(cls.name, 'has two @Projection decorators: it has one name.');
    Object.defineProperty(cls, DECLARED, { value: { name, options } satisfies DeclaredProjection });
  };
}

/** What `@Projection` says of a class. */
export interface DeclaredProjection {
  readonly name: string;
  readonly options: ProjectionOptions;
}

/** What the class's own `@Projection` says, if it has one. */
export function declaredProjection(cls: AnyClass): DeclaredProjection | undefined {
  if (!Object.hasOwn(cls, DECLARED)) return undefined;
  return (cls as unknown as { [DECLARED]: DeclaredProjection })[DECLARED];
}

/** @throws InvalidDefinition for what can name no projection */
export function checkProjectionName(subject: string, name: unknown): asserts name is string {
  // Leases and collections are called after it, and a slash ends it there.
  if (isName(name, LIMITS.type) && !name.includes('/')) return;
  throw new InvalidDefinition(
    subject,
    `needs a name of 1 to ${LIMITS.type} bytes without "/" or control characters, e.g. @Projection('balances', { version: 1 }).`,
  );
}

const DECLARED = Symbol.for('backstory.projection');
