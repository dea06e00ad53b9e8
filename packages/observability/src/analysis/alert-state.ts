import type { AlertNote, AlertStep } from '@backstory/core/observability';
import { KEPT_MS } from '../monitor/series-history.js';
import { isoOf, type Clock } from '../steady.js';
import type { Watch } from './rule.js';
import { isWorse, severityOf, worseThan, type Severity } from './severity.js';
import { verdictOf, type Sample, type Verdict } from './verdict.js';

/** What has become of an alert. */
export interface AlertChange extends Omit<AlertNote, 'severity' | 'instance'> {
  readonly step: AlertStep;
  readonly severity: Severity;
}

/** One value of a rule, and what is known of it: the values so far, whether it is broken, since when. */
export class AlertState {
  private readonly samples: Sample[] = [];
  private brokenSince: number | undefined;
  private firing: Firing | undefined;
  private resolvedAt = -Infinity;
  /** Until when it was said to be suppressed. */
  private suppressedUntil: number | undefined;
  /** What was said of it last; `undefined`: it is not known. */
  verdict: Verdict | undefined;

  constructor(
    private readonly watch: Watch,
    readonly labels: Readonly<Record<string, string>>,
    private readonly clock: Clock,
  ) {}

  /** It is raised, and not resolved. */
  get isFiring(): boolean {
    return this.firing !== undefined;
  }

  /** Takes a value, judges it, and gives what has changed. An unknown value changes nothing. */
  take(value: number | undefined, now: number, silentUntil: number): AlertChange | undefined {
    this.verdict = undefined;
    if (value === undefined || !Number.isFinite(value)) return undefined;
    this.samples.push({ at: now, value });
    while (this.samples.length > MOST_SAMPLES || this.isOld(this.samples[1], now)) this.samples.shift();
    this.verdict = verdictOf(this.watch.judge, this.samples);
    if (!this.verdict) return undefined;
    if (!this.verdict.isBreach) return this.fine(now);
    this.brokenSince ??= now;
    const severity = severityOf(this.watch.severity, this.verdict);
    if (this.firing) return this.goesOn(this.firing, severity, now);
    if (now - this.brokenSince < this.watch.forMs) return undefined;
    return this.breaks(severity, now, Math.max(this.resolvedAt + this.watch.cooldownMs, silentUntil));
  }

  /** Nobody looks at it any more. */
  end(because: 'rule' | 'closed', now: number): AlertChange | undefined {
    return this.resolve(because, now);
  }

  /** With the last one that is older it is known how an hour began. */
  private isOld(second: Sample | undefined, now: number): boolean {
    return second !== undefined && second.at <= now - KEPT_MS;
  }

  private get value(): number {
    return this.samples.at(-1)?.value ?? NaN;
  }

  private fine(now: number): AlertChange | undefined {
    this.brokenSince = undefined;
    return this.resolve('value', now);
  }

  private resolve(because: NonNullable<AlertNote['because']>, now: number): AlertChange | undefined {
    const { firing } = this;
    if (!firing) return undefined;
    this.firing = undefined;
    this.resolvedAt = now;
    return { ...this.change('resolved', firing), endedAt: isoOf(this.clock, now), because };
  }

  private breaks(severity: Severity, now: number, suppressedUntil: number): AlertChange | undefined {
    const startedAt = isoOf(this.clock, now);
    if (now < suppressedUntil) {
      // However often it breaks until then.
      if (this.suppressedUntil === suppressedUntil) return undefined;
      this.suppressedUntil = suppressedUntil;
      return {
        ...this.change('suppressed', { severity, startedAt }),
        until: isoOf(this.clock, suppressedUntil),
      };
    }
    this.firing = { severity, startedAt, since: now, isLast: false };
    return this.change('raised', this.firing);
  }

  /** It grows worse, or nobody does anything about it. It grows no better before it is resolved: that would only flap. */
  private goesOn(firing: Firing, severity: Severity, now: number): AlertChange | undefined {
    const { escalateAfterMs } = this.watch;
    const isLate = escalateAfterMs > 0 && !firing.isLast && now - firing.since >= escalateAfterMs;
    if (!isWorse(severity, firing.severity) && !isLate) return undefined;
    const isLast = isLate && firing.severity === 'critical';
    const raisedTo = isWorse(severity, firing.severity) ? severity : worseThan(firing.severity);
    this.firing = { ...firing, severity: raisedTo, since: now, isLast };
    return this.change('escalated', this.firing);
  }

  private change(
    step: AlertStep,
    { severity, startedAt }: Pick<Firing, 'severity' | 'startedAt'>,
  ): AlertChange {
    const { name, kind, summary } = this.watch;
    return {
      ...{ step, alert: name, kind, labels: this.labels, severity, value: this.value },
      why: this.verdict?.why ?? 'its value is not known',
      ...(summary !== undefined && { summary }),
      startedAt,
    };
  }
}

interface Firing {
  readonly severity: Severity;
  /** As ISO 8601. */
  readonly startedAt: string;
  /** Since when its severity is what it is. */
  readonly since: number;
  /** It was escalated at its worst, and is so no more. */
  readonly isLast: boolean;
}

/** An hour, if rules are evaluated once a second. */
const MOST_SAMPLES = 3_700;
