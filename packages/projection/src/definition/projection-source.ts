import { InvalidDefinition, type Class } from '@backstory/events';
import { SqlModel, sqlProjectionOf } from '../tables/sql-model.js';
import type { SqlProjection } from '../tables/sql-projection.js';
import type { FunctionalProjection } from './functional-projection.js';
import { declaredProjection } from './projection-decorator.js';
import { ProjectionModel, documentsOfClass, documentsOfFunctions } from './projection-model.js';

/** A projection of documents as an application is given it: a class with `@Projection`, or what `projection` made. */
export type DocumentSource<Document = unknown, Result = unknown> =
  Class<Document & object> | FunctionalProjection<Document, Result>;

/** A projection as an application is given it: of documents, or with tables of its own. */
export type ProjectionSource<Document = unknown> = DocumentSource<Document> | SqlProjection;

/** What is known of a projection's code. */
export type Model = ProjectionModel | SqlModel;

/** What a projection is called, once everything about it is checked. @throws InvalidDefinition, NotAnEvent … */
export function projectionName(source: ProjectionSource): string {
  return modelOf(source).name;
}

/** @throws InvalidDefinition, DuplicateEventType, NotAnEvent … */
export function modelOf(source: unknown): Model {
  if (typeof source === 'object' && source !== null) {
    if ('folds' in source) return new ProjectionModel(documentsOfFunctions(source as FunctionalProjection));
    if ('handlers' in source) return new SqlModel(source as SqlProjection);
  }
  const cls = source as Class;
  const declared = typeof source === 'function' ? declaredProjection(cls) : undefined;
  if (!declared)
    throw new InvalidDefinition(
      typeof source === 'function' ? cls.name : String(source),
      "is no projection: decorate the class with @Projection('…', { version: 1 }), or use projection(…).",
    );
  const { name, options } = declared;
  if ('tables' in options) return new SqlModel(sqlProjectionOf(cls, name, options));
  return new ProjectionModel(documentsOfClass(cls, name, options));
}
