import type { AlertNote } from '@backstory/core/observability';
import { DomainEvent } from '@backstory/events';

/** What an alert says when something becomes of it. */
class AlertSaid implements AlertNote {
  declare readonly alert: string;
  declare readonly kind: 'alert' | 'anomaly';
  declare readonly labels: Readonly<Record<string, string>>;
  declare readonly severity: string;
  declare readonly value: number;
  declare readonly why: string;
  declare readonly summary?: string;
  declare readonly startedAt: string;
  declare readonly endedAt?: string;
  declare readonly until?: string;
  declare readonly because?: NonNullable<AlertNote['because']>;
  declare readonly instance: string;

  constructor(note: AlertNote) {
    Object.assign(this, note);
  }
}

/** An alert was raised. Subscribe to it with `includeSystem: true`. */
export class AlertRaised extends AlertSaid {}

/** An alert would have been raised and was not: it is suppressed, or was resolved a moment ago. */
export class AlertSuppressed extends AlertSaid {}

/** An alert grew worse, or nobody resolved it in time. */
export class AlertEscalated extends AlertSaid {}

/** An alert is over. */
export class AlertResolved extends AlertSaid {}

DomainEvent('alert.raised')(AlertRaised);
DomainEvent('alert.suppressed')(AlertSuppressed);
DomainEvent('alert.escalated')(AlertEscalated);
DomainEvent('alert.resolved')(AlertResolved);
