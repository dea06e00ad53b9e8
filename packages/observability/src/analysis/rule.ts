import {
  LIMITS,
  InvalidOption,
  LONGEST_TIMER,
  isName,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { checkedSeverity, type SeverityChoice } from './severity.js';
import type { Value } from './value.js';
import { judgeOf, type Condition, type Judge } from './verdict.js';

/** What rules and detectors have in common. */
export interface WatchedValue {
  /** It is called so in alerts, and in the log. */
  readonly name: string;
  /** What it is about: `stat('backstory.process.duration', 'p95')`, or a function of your own that finds it. */
  readonly value: Value;
  /** Default `warning`. */
  readonly severity?: SeverityChoice;
  /** What it means and what to do, for people. */
  readonly summary?: string;
  /** So long it must be broken before it is raised, in milliseconds. Default 0: at once. */
  readonly forMs?: number;
  /** So long after it was resolved it is not raised again but suppressed. Default: as the analysis says, 5 minutes. */
  readonly cooldownMs?: number;
  /** Not resolved for so long, its severity goes up. 0: never. Default: as the analysis says, 15 minutes. */
  readonly escalateAfterMs?: number;
  /** `false`: it is there and nobody looks, until it is enabled. */
  readonly enabled?: boolean;
}

/** Raises an alert while a value is not as it should be. */
export interface AlertRule extends WatchedValue {
  /** When it is not: `{ gt: 0.05 }`, `{ lt: … }`, `{ eq: … }`, `forecast({ … })`, or a function of your own. */
  readonly when: Condition;
}

/** Raises an anomaly while a value is not as usual. */
export interface AnomalyDetector extends WatchedValue {
  /** What says so: `mad()`, `ewma()`, `trend({ … })`, `silence({ … })` …, or a function of your own, which is given the values so far. */
  readonly detect: Judge;
}

/** One of both, with everything decided. */
export interface Watch {
  readonly name: string;
  readonly kind: 'alert' | 'anomaly';
  readonly value: Value;
  readonly judge: Judge;
  readonly severity: SeverityChoice;
  readonly summary: string | undefined;
  readonly forMs: number;
  readonly cooldownMs: number;
  readonly escalateAfterMs: number;
  readonly enabled: boolean;
}

/** What applies to rules that do not say otherwise. */
export type WatchDefaults = Pick<Watch, 'cooldownMs' | 'escalateAfterMs'>;

/** @throws InvalidOption */
export function watchOf(given: AlertRule | AnomalyDetector, defaults: WatchDefaults): Watch {
  const isDetector = 'detect' in given;
  if (isDetector) knownOptions(given, DETECTOR);
  else knownOptions(given, RULE);
  const { name, value, summary, forMs = 0, severity = 'warning', enabled = true } = given;
  const { cooldownMs = defaults.cooldownMs, escalateAfterMs = defaults.escalateAfterMs } = given;
  // It is part of the name of a stream.
  if (!isName(name, LIMITS.type))
    throw new InvalidOption('name', `of a rule is text of 1 to ${LIMITS.type} bytes.`);
  requireFunction(name, 'value', value);
  if (isDetector) requireFunction(name, 'detect', given.detect);
  else requireCondition(name, given.when);
  return {
    ...{ name, value, summary, enabled, kind: isDetector ? 'anomaly' : 'alert' },
    judge: isDetector ? given.detect : judgeOf(given.when),
    severity: checkedSeverity(severity),
    forMs: numberOption('forMs', forMs, 0, LONGEST_TIMER),
    cooldownMs: numberOption('cooldownMs', cooldownMs, 0, LONGEST_TIMER),
    escalateAfterMs: numberOption('escalateAfterMs', escalateAfterMs, 0, LONGEST_TIMER),
  };
}

function requireFunction(name: string, option: string, given: unknown): void {
  if (typeof given !== 'function')
    throw new InvalidOption(option, `of ${name} must be a function, not ${typeof given}.`);
}

function requireCondition(name: string, when: Condition): void {
  if (typeof when === 'function') return;
  const [[kind, limit] = [], ...others] = Object.entries(when ?? {});
  const isFit = /^(gt|lt|eq)$/.test(kind ?? '') && Number.isFinite(limit) && others.length === 0;
  if (!isFit)
    throw new InvalidOption(
      'when',
      `of ${name} is one of { gt }, { lt } and { eq } with a number, or a function.`,
    );
}

const COMMON: OptionNames<WatchedValue> = {
  ...{ name: true, value: true, severity: true, summary: true, forMs: true },
  ...{ cooldownMs: true, escalateAfterMs: true, enabled: true },
};
const RULE: OptionNames<AlertRule> = { ...COMMON, when: true };
const DETECTOR: OptionNames<AnomalyDetector> = { ...COMMON, detect: true };
