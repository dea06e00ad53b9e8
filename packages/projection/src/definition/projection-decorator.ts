import { InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import { checkProjectionName } from './projection-name.js';
import { checkProjectionOptions, type ProjectionOptions } from './projection-options.js';
import { checkSqlOptions, type SqlProjectionOptions } from '../tables/sql-options.js';

/**
 * `@Projection('balances', { version: 1 })`: a class whose instances are the documents of a read model. Its `@EventHandler`
 * methods fold the events of one document into it. It is constructed without arguments when a document begins.
 * With `tables` there is one instance for all events, and its methods are given those tables, to write them with SQL.
 */
export function Projection(
  name: string,
  options: ProjectionOptions | SqlProjectionOptions,
): (cls: Class, context?: ClassDecoratorContext) => void {
  return (cls) => {
    checkProjectionName(cls.name, name);
    if ('tables' in (options ?? {})) checkSqlOptions(cls.name, name, options as SqlProjectionOptions);
    else checkProjectionOptions(cls.name, options);
    if (declaredProjection(cls))
      throw new InvalidDefinition(cls.name, 'has two @Projection decorators: it has one name.');
    Object.defineProperty(cls, DECLARED, { value: { name, options } satisfies DeclaredProjection });
  };
}

/** What `@Projection` says of a class. */
export interface DeclaredProjection {
  readonly name: string;
  readonly options: ProjectionOptions | SqlProjectionOptions;
}

/** What the class's own `@Projection` says, if it has one. */
export function declaredProjection(cls: AnyClass): DeclaredProjection | undefined {
  if (!Object.hasOwn(cls, DECLARED)) return undefined;
  return (cls as unknown as { [DECLARED]: DeclaredProjection })[DECLARED];
}

const DECLARED = Symbol.for('backstory.projection');
