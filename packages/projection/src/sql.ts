/** Projections that write tables of their own with SQL, and reading those. */
export { sqlProjection, type SqlProjection, type SqlProjectionParts } from './tables/sql-projection.js';
export type { SqlProjectionOptions } from './tables/sql-options.js';
export type { Sql, TableName, Tables } from './tables/sql.js';
export type { TableShape, TableShapes } from './tables/table-shape.js';
export { TableReader, type TablesRead } from './read/table-reader.js';
export { TablesAsOf, type TablesAsOfRead } from './read/tables-as-of.js';
export { TablesNotMade } from './errors.js';
