import { knownOptions, type OptionNames } from '@backstory/core/store';
import { checkChanged, checkVersion, type VersionOptions } from '../definition/projection-options.js';
import { checkTables, type TableShapes } from './table-shape.js';

/** What a projection that writes tables of its own is, besides its handlers. */
export interface SqlProjectionOptions extends VersionOptions {
  /** Its tables in the state store's database; each generation has its own. */
  readonly tables: TableShapes;
}

/** @throws InvalidOption, InvalidDefinition */
export function checkSqlOptions(subject: string, name: string, options: SqlProjectionOptions): void {
  const { version, changed, tables } = knownOptions(options, OPTIONS);
  checkVersion(subject, version);
  checkChanged(subject, changed);
  checkTables(subject, name, tables);
}

const OPTIONS: OptionNames<SqlProjectionOptions> = { version: true, changed: true, tables: true };
