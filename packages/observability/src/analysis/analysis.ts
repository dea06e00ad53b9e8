import { hostname } from 'node:os';
import type { EventStore } from '@backstory/core';
import {
  inTime,
  type AlertNote,
  type AlertStep,
  type Analysing,
  type Backtest,
  type BacktestOptions,
  type BacktestSource,
  type Watched,
} from '@backstory/core/observability';
import type { Observer } from '@backstory/core/observe';
import { LONGEST_TIMER, knownOptions, numberOption, outside, type OptionNames } from '@backstory/core/store';
import type { Logger } from '../logs/log.js';
import type { MetricFrom } from '../metrics/metric-from.js';
import type { Monitor } from '../monitor/monitor.js';
import { isoOf, steady, type Clock } from '../steady.js';
import { AlertJournal } from './alert-journal.js';
import type { AlertChange } from './alert-state.js';
import { Alertmanager, type AlertmanagerOptions } from './alertmanager.js';
import { backtestOf } from './backtest.js';
import { Evaluation, until, type RuleStatus } from './evaluation.js';
import type { AlertRule, AnomalyDetector, WatchDefaults } from './rule.js';
import { SHIPPED_RULES } from './shipped-rules.js';

/** What raises alerts, and who is told. */
export interface AnalysisOptions {
  readonly rules?: readonly AlertRule[];
  readonly detectors?: readonly AnomalyDetector[];
  /** Whether `SHIPPED_RULES` are among them. Default `true`. */
  readonly shipped?: boolean;
  /** How often they are evaluated, in milliseconds. Default 10,000. */
  readonly everyMs?: number;
  /** For rules that do not say otherwise: so long after it was resolved an alert is suppressed. Default 300,000. */
  readonly cooldownMs?: number;
  /** For rules that do not say otherwise: not resolved for so long, its severity goes up. 0: never. Default 900,000. */
  readonly escalateAfterMs?: number;
  /** Whether alerts are recorded in the log of the application, on `_alerts-<rule>`. Default `true`. */
  readonly record?: boolean;
  /** Is told what becomes of alerts. What it throws is nobody's concern. */
  readonly onAlert?: (change: AlertChange) => unknown;
  /** Which Alertmanager is told. */
  readonly alertmanager?: AlertmanagerOptions;
}

/** What an analysis works with. */
export interface AnalysisParts {
  readonly monitor: Monitor;
  readonly logger: Logger;
  readonly observer: () => Observer;
  /** Metrics that are made of events, for backtests. */
  readonly own: readonly MetricFrom[];
  readonly serviceName: string;
  readonly dropped: (count: number) => void;
  readonly clock?: Clock;
}

/**
 * Looks at what is measured beside everything else that the process does, and says where it is not as it should be: by rules and
 * detectors, which may be added, removed, enabled and disabled at any time. `observability.analysis` is one. What becomes of an alert is
 * recorded, logged, told to callbacks and to an Alertmanager.
 */
export class Analysis implements Analysing {
  private readonly evaluation: Evaluation;
  private readonly given: (AlertRule | AnomalyDetector)[] = [];
  private readonly defaults: WatchDefaults;
  private readonly everyMs: number;
  private readonly isRecorded: boolean;
  private readonly alertmanager: Alertmanager | undefined;
  private readonly callbacks = new Set<(change: AlertChange) => unknown>();
  /** Of the applications that are watched; what is said is recorded in the log of the first. */
  private readonly journals = new Map<Watched, AlertJournal | undefined>();
  /** What is raised, as it was said last. */
  private readonly raised = new Map<string, AlertNote>();
  private readonly clock: Clock;
  private readonly instance = `${hostname()}:${process.pid}`;
  private timer: NodeJS.Timeout | undefined;

  /** Of `observability`. `undefined`: there are no rules yet. @throws InvalidOption */
  constructor(
    private readonly parts: AnalysisParts,
    options?: AnalysisOptions,
  ) {
    const {
      rules = [],
      detectors = [],
      shipped = options !== undefined,
      ...rest
    } = knownOptions(options ?? {}, OPTIONS);
    const { everyMs = 10_000, cooldownMs = 300_000, escalateAfterMs = 900_000, record = true } = rest;
    this.clock = parts.clock ?? steady;
    this.everyMs = numberOption('analysis.everyMs', everyMs, 10, LONGEST_TIMER);
    this.isRecorded = record;
    this.defaults = { cooldownMs, escalateAfterMs };
    this.evaluation = new Evaluation(this.defaults, parts.dropped, this.clock);
    if (rest.onAlert) this.callbacks.add(rest.onAlert);
    const { dropped, serviceName } = parts;
    const labels = { application: serviceName, instance: this.instance };
    this.alertmanager =
      rest.alertmanager && new Alertmanager(rest.alertmanager, { labels, dropped, clock: this.clock });
    for (const it of [...(shipped ? SHIPPED_RULES : []), ...rules, ...detectors]) this.add(it);
  }

  /** Every rule and detector, and what was found of its values when they were last looked at. */
  get rules(): readonly RuleStatus[] {
    return this.evaluation.status();
  }

  /** Has a rule or detector evaluated from now on. @throws InvalidOption */
  add(rule: AlertRule | AnomalyDetector): void {
    this.evaluation.add(rule);
    this.given.push(rule);
  }

  /** Its alerts are resolved. @throws InvalidOption */
  remove(name: string): void {
    this.tell(this.evaluation.remove(name, this.clock()));
    this.given.splice(
      this.given.findIndex((it) => it.name === name),
      1,
    );
  }

  /** @throws InvalidOption */
  enable(name: string): void {
    this.tell(this.evaluation.enable(name, true, this.clock()));
  }

  /** Nobody looks at it until it is enabled; its alerts are resolved. @throws InvalidOption */
  disable(name: string): void {
    this.tell(this.evaluation.enable(name, false, this.clock()));
  }

  /** For so long a rule raises nothing: for a deployment, say. What is raised already stays so. @throws InvalidOption */
  suppress(name: string, forMs: number): void {
    this.evaluation.suppress(name, until(forMs, this.clock()));
  }

  /** Has somebody told what becomes of alerts. Gives a function that ends it. */
  onAlert(callback: (change: AlertChange) => unknown): () => void {
    this.callbacks.add(callback);
    return () => void this.callbacks.delete(callback);
  }

  /** Evaluates everything now, rather than in a while. Never throws. */
  evaluate(): void {
    this.tell(this.evaluation.step(this.parts.monitor, this.clock()));
  }

  /** Begins to look, while an application is watched. Gives a function that ends it, before the application closes. */
  watch(app: Watched): () => Promise<void> {
    this.journals.set(app, this.journalOf(app));
    this.timer ??= outside(() => setInterval(() => this.evaluate(), this.everyMs)).unref();
    return async () => {
      if (this.journals.size === 1 && this.journals.has(app)) this.end();
      const journal = this.journals.get(app);
      const [first] = this.journals.values();
      this.journals.delete(app);
      if (journal && journal === first) this.handOver(journal);
      if (journal) await inTime(CLOSE_MS, journal.flush(), { instead: undefined });
    };
  }

  /**
   * What these rules would have said about the past of an application: `analysis.backtest(app)`. It is found out from the log and from
   * what is kept of what became of its events; of what nobody kept, such as memory, nothing is known.
   *
   * @throws InvalidOption
   */
  backtest(source: BacktestSource, options?: BacktestOptions): Promise<Backtest> {
    const { own } = this.parts;
    return backtestOf(source, { rules: this.given, defaults: this.defaults, own }, options);
  }

  /** What is raised is over in the log that closes, and goes on in the next one: neither has half of it. */
  private handOver(from: AlertJournal): void {
    const [next] = this.journals.values();
    const endedAt = isoOf(this.clock, this.clock());
    for (const note of this.raised.values()) {
      from.note('resolved', { ...note, endedAt, because: 'closed' });
      next?.note('raised', note);
    }
    if (next) outside(() => void next.flush());
  }

  private end(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.tell(this.evaluation.end(this.clock()));
    this.alertmanager?.close();
  }

  private journalOf({ name, events }: Watched): AlertJournal | undefined {
    const { append } = events;
    if (!this.isRecorded || !append) return undefined;
    const log: Pick<EventStore, 'append'> = { append: (writes) => append.call(events, writes) };
    return new AlertJournal(log, { source: name, observer: this.parts.observer() }, this.parts.dropped);
  }

  private tell(changes: readonly AlertChange[]): void {
    const [journal] = this.journals.values();
    const now = this.clock();
    for (const change of changes) {
      const { step, ...note } = change;
      const said = { ...note, instance: this.instance };
      this.keep(step, said);
      journal?.note(step, said);
      this.alertmanager?.note(change, now);
      this.log(change);
      for (const callback of this.callbacks) this.call(callback, change);
    }
    outside(() => {
      void journal?.flush();
      void this.alertmanager?.tell(now);
    });
  }

  private keep(step: AlertStep, note: AlertNote): void {
    const of = JSON.stringify([note.alert, note.labels]);
    if (step === 'resolved') this.raised.delete(of);
    else if (step !== 'suppressed') this.raised.set(of, note);
  }

  private log({ step, ...change }: AlertChange): void {
    const { alert, kind, labels, severity, value, why } = change;
    const fields = { log_type: `ALERT_${step.toUpperCase()}`, alert, kind, labels, severity, value, why };
    const message = `${kind === 'alert' ? 'Alert' : 'Anomaly'} ${step}`;
    if (step === 'resolved' || step === 'suppressed') this.parts.logger.info(message, fields);
    else this.parts.logger.warn(message, fields);
  }

  private call(callback: (change: AlertChange) => unknown, change: AlertChange): void {
    const failed = () => this.parts.dropped(1);
    try {
      const said = callback(change);
      if (said instanceof Promise) said.catch(failed);
    } catch {
      failed();
    }
  }
}

const CLOSE_MS = 2_000;
const OPTIONS: OptionNames<AnalysisOptions> = {
  ...{ rules: true, detectors: true, shipped: true, everyMs: true, cooldownMs: true },
  ...{ escalateAfterMs: true, record: true, onAlert: true, alertmanager: true },
};
