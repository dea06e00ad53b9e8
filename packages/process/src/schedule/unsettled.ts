import { errorText } from './error-text.js';

/** Schedules that this process fired and of which nothing could be written down: they rest before they are fired again. */
export class Unsettled {
  private readonly fired = new Map<string, { readonly reason: string; readonly until: number }>();

  add(id: string, error: unknown, until: number): void {
    this.fired.set(id, { reason: errorText(error), until });
  }

  has(id: string): boolean {
    return this.fired.has(id);
  }

  settled(id: string): void {
    this.fired.delete(id);
  }

  /** Those that rest at this time, with what was wrong. */
  at(now: number): ReadonlyMap<string, { readonly reason: string }> {
    return new Map([...this.fired].filter(([, { until }]) => until > now));
  }
}
