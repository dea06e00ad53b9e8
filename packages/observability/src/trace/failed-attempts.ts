import type { SpanContext } from '@opentelemetry/api';

/** Where the last failed attempt at an event was traced, and where the event was made. */
export interface FailedAttempt {
  readonly attempt: SpanContext;
  readonly creation: SpanContext | undefined;
  /** How long the next one was put off. */
  readonly delayMs?: number;
  /** Since it is parked as dead, from when on by `performance.now()`. */
  readonly dead?: { readonly letter: SpanContext; readonly at: number };
}

/** The last failed attempts of this process, for the next ones to link to; the oldest are forgotten. */
export class FailedAttempts {
  private readonly byEvent = new Map<string, FailedAttempt>();

  keep(handler: string, eventId: string, failed: FailedAttempt): void {
    const key = keyOf(handler, eventId);
    this.byEvent.delete(key);
    this.byEvent.set(key, failed);
    if (this.byEvent.size > MOST) this.byEvent.delete(this.byEvent.keys().next().value!);
  }

  of(handler: string, eventId: string): FailedAttempt | undefined {
    // Nearly always there is none at all.
    return this.byEvent.size === 0 ? undefined : this.byEvent.get(keyOf(handler, eventId));
  }

  forget(handler: string, eventId: string): void {
    if (this.byEvent.size > 0) this.byEvent.delete(keyOf(handler, eventId));
  }
}

const MOST = 1_000;

function keyOf(handler: string, eventId: string): string {
  return `${handler} ${eventId}`;
}
