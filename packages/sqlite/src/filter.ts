/** A filter of a query: the column is one of the values. */
export interface Filter {
  readonly column: 'id' | 'correlation_id' | 'causation_id' | 'stream' | 'type' | 'category';
  readonly values: readonly string[];
  /** Its index gives the events of one value in log order. */
  readonly ordered: boolean;
}

/** Positions > `after` and ≤ `upTo`, of a log whose head was `head` when the page began. */
export interface Bounds {
  readonly after: number;
  readonly upTo: number;
  readonly head: number;
}
