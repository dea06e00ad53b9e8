export interface Bare {
  readonly a: string;
}

// Says something, but not to those who use it.
export const lined = 1;

/** Says what it is. */
export const said = 2;
