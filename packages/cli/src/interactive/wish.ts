import type { Sought, Viewing } from './viewing.js';

/** What the screen alone cannot do. */
export type Wish =
  /** Relative: as far as there is. */
  | { readonly kind: 'go'; readonly version: number; readonly isRelative?: boolean }
  | { readonly kind: 'go-at'; readonly at: Date }
  | { readonly kind: 'find'; readonly sought: Sought; readonly direction: 1 | -1 }
  /** To where an expression begins to hold. */
  | { readonly kind: 'until'; readonly where: string }
  | { readonly kind: 'redraw' | 'suspend' | 'leave' };

/** What a key leads to. */
export interface Pressed {
  readonly viewing: Viewing;
  readonly wish?: Wish | undefined;
}
