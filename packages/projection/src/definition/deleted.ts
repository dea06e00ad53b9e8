/** What a handler gives when its document is to go: `return deleted`. An event that comes after it begins a new one. */
export const deleted: unique symbol = Symbol.for('backstory.deleted') as never;
/** The type of `deleted`. */
export type Deleted = typeof deleted;
