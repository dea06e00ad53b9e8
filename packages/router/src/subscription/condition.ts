/** How a subscription is doing in one process. */
export interface Condition {
  readonly state: 'starting' | 'running' | 'paused' | 'faulted' | 'stopping';
  /** Why it is paused or faulted. */
  readonly reason?: string;
  /** Whether somebody paused it, or it did so by itself. */
  readonly by?: 'operator' | 'breaker';
}
