import type { AlertNote } from './alerts.js';
import type { EventStore } from './event-store.js';

/** Looks at what is measured, and raises alerts; `observability.analysis` of `@backstory/observability` does. */
export interface Analysing {
  /** What its rules would have said about the recorded past. @throws InvalidOption */
  backtest(source: BacktestSource, options?: BacktestOptions): Promise<Backtest>;
}

/** The past of an application; a running app of `defineBackstory` is one. */
export interface BacktestSource {
  readonly name: string;
  readonly events: Pick<EventStore, 'identity' | 'readAll' | 'capabilities'>;
  readonly subscriptions: {
    list(): Promise<readonly { readonly name: string }[]>;
    outcomes(name: string, query: { readonly limit: number }): Promise<readonly RecordedOutcome[]>;
  };
}

/** What became of an event at a handler, as subscriptions keep it that are told to. */
export interface RecordedOutcome {
  readonly state: 'handled' | 'retrying' | 'dead' | 'skipped' | 'discarded';
  readonly position: number;
  readonly eventType: string;
  readonly handler: string;
  readonly attempts: number;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly durationMs: number;
  readonly error?: { readonly name: string };
}

/** Of which time, and how closely. */
export interface BacktestOptions {
  /** Default: a day before the end. */
  readonly from?: Date;
  /** Default: the last event. */
  readonly upTo?: Date;
  /** How often the rules are evaluated, in milliseconds of that time. Default 60,000. */
  readonly everyMs?: number;
}

/** What rules would have said. */
export interface Backtest {
  readonly from: string;
  readonly upTo: string;
  /** How many events and outcomes they were told. */
  readonly events: number;
  readonly outcomes: number;
  /** What they would have raised, in that order: 10,000 at most. */
  readonly alerts: readonly PastAlert[];
  /** Rules of which nothing is known: what they are about is not recorded. */
  readonly unknown: readonly string[];
  /** Subscriptions that do not keep what became of all their events, and of which therefore nothing is known but failures. */
  readonly withoutOutcomes: readonly string[];
}

/** An alert that would have been raised. */
export interface PastAlert extends Omit<AlertNote, 'instance'> {
  /** How often it would have been escalated. */
  readonly escalations: number;
}
