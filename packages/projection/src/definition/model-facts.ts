import type { TableShapes } from '../tables/table-shape.js';

/** What generations need to know of a projection, whatever it writes. */
export interface ModelFacts {
  readonly name: string;
  readonly version: number;
  readonly target: 'state' | 'memory';
  readonly changed: 'rebuild' | 'swap' | 'refuse';
  readonly indexes: readonly string[];
  /** Those of a projection that writes tables of its own. */
  readonly tables?: TableShapes | undefined;
  /** The events that it folds, by their names of today. */
  readonly events: readonly string[];
  /** Every name under which they may be recorded. */
  readonly typeNames: readonly string[];
}
