import { BackstoryError } from '@backstory/core';

/** A filter that cannot mean what it says, or is none. Nothing was filtered. */
export class InvalidFilter extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_FILTER';
  constructor(
    /** The condition at fault: `data`, `types` … */
    readonly condition: string,
    message: string,
  ) {
    super(`${condition}: ${message}`);
  }
}

/** A filter that holds a function, which no text can. */
export class FilterNotSerialisable extends BackstoryError {
  readonly code = 'BACKSTORY_FILTER_NOT_SERIALISABLE';
  constructor(
    /** What the function was said to ask. */
    readonly condition: string,
  ) {
    super(
      `"${condition}" is a function, which cannot be written down: say it with where.data, where.metadata and the like.`,
    );
  }
}
