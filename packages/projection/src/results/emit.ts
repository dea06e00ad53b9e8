/**
 * Given to a fold as its last argument: keeps a result beside the documents, in the transaction that commits the fold. A result is
 * what JSON knows. Subscriptions ask for it: see `resultsOf`.
 */
export type Emit = (result: unknown) => void;

/** A result as it is kept: what was emitted, under which document, at which event of the log. */
export interface KeptResult<Result = unknown> {
  readonly key: string;
  /** Of the event that led to it. */
  readonly position: number;
  readonly result: Result;
}
