/** Says that something was done once. */
export interface Mark {
  readonly at: string;
  readonly position: number;
  readonly key: string;
}
