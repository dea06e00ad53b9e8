export {
  Projection,
  declaredProjection,
  type DeclaredProjection,
} from './definition/projection-decorator.js';
export type { ProjectionOptions } from './definition/projection-options.js';
