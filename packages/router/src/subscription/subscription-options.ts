import type { EventPriority, RecordedEvent } from '@backstory/core';
import {
  InvalidOption,
  LONGEST_TIMER,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { shown } from '@backstory/core/state';
import { requirePriority } from '../filter/priority-condition.js';

/** How a subscription goes through the log. */
export interface SubscriptionOptions {
  /** Where it begins when it is first started: a number is the position after which. Default `'beginning'`. */
  readonly from?: 'beginning' | 'now' | number;
  /** Handle events that the framework records, such as alerts, too. Default: only those of applications. */
  readonly includeSystem?: boolean;
  /** Events with the same key are handled in the order of the log. Default: their stream. */
  readonly key?: (recorded: RecordedEvent) => string;
  /** Handlers at work at once, in one process. Default 16. */
  readonly concurrency?: number;
  /** Events read and not yet handled, in one process; then it reads no more until half of them are. Default 1,000. */
  readonly buffer?: number;
  /** Events of one partition read from the first one on that is not finished; then it reads no more. Default 1,000. */
  readonly maxAhead?: number;
  /** For handlers that do not say otherwise. Default 30,000. */
  readonly timeoutMs?: number;
  /** For handlers that do not say otherwise. */
  readonly retry?: RetryOptions;
  /** How urgent its events are to handlers that do not say otherwise. Default: what the event says. */
  readonly priority?: EventPriority;
  /** When to take failures for an outage. */
  readonly breaker?: BreakerOptions;
  /** What an error means, where its kind cannot be seen from it. `undefined`: decide as usual. */
  readonly classify?: (error: unknown) => 'poison' | 'infrastructure' | undefined;
  /**
   * What is kept of what became of its events, by handler: nothing, what failed at least once, or everything. It is stored with the
   * checkpoint. Default `'none'`.
   */
  readonly outcomes?: 'none' | 'failures' | 'all';
  /** How long and how many of them are kept. */
  readonly keepOutcomes?: OutcomeRetentionOptions;
  /** How often its checkpoint is kept. Default 1,000. */
  readonly checkpointMs?: number;
  /** How long handlers at work are waited for when it stops; then their signals abort. Default 10,000. */
  readonly stopTimeoutMs?: number;
}

/** How often and after which time a failed handler is tried again. The time doubles from attempt to attempt. */
export interface RetryOptions {
  /** In all. Default 5. */
  readonly attempts?: number;
  /** Before the second attempt. Default 1,000. */
  readonly delayMs?: number;
  /** At most. Default 30,000. */
  readonly maxDelayMs?: number;
}

/** When a subscription takes failures for an outage and pauses by itself. */
export interface BreakerOptions {
  /** So many different keys, failing at the first attempt, and at least every second event. Default 10. */
  readonly keys?: number;
  /** Before the first probe; the time doubles from probe to probe. Default 1,000. */
  readonly probeMs?: number;
  /** Between probes at most. Default 30,000. */
  readonly maxProbeMs?: number;
}

/** How much is kept of what became of events. */
export interface OutcomeRetentionOptions {
  /** Those that ended earlier go. Default 30 days. */
  readonly maxAgeMs?: number;
  /** When there are more, the first in the order of the log go. Default 100,000. */
  readonly maxCount?: number;
}

/** Every option with its value. */
export interface ResolvedOptions {
  readonly from: 'beginning' | 'now' | number;
  readonly includeSystem: boolean;
  readonly key: SubscriptionOptions['key'];
  readonly concurrency: number;
  readonly buffer: number;
  readonly maxAhead: number;
  readonly timeoutMs: number;
  readonly retry: Required<RetryOptions>;
  readonly priority: EventPriority | undefined;
  readonly breaker: Required<BreakerOptions>;
  readonly classify: NonNullable<SubscriptionOptions['classify']>;
  readonly outcomes: NonNullable<SubscriptionOptions['outcomes']>;
  readonly keepOutcomes: Required<OutcomeRetentionOptions>;
  readonly checkpointMs: number;
  readonly stopTimeoutMs: number;
}

/** @throws InvalidOption */
export function resolveOptions(given: SubscriptionOptions): ResolvedOptions {
  const options = knownOptions(given, NAMES);
  const {
    from = 'beginning',
    includeSystem = false,
    key,
    priority,
    classify = () => undefined,
    outcomes = 'none',
  } = options;
  if (from !== 'beginning' && from !== 'now' && !(Number.isSafeInteger(from) && from >= 0))
    throw new InvalidOption('from', `must be a position, "beginning" or "now", not ${shown(from)}.`);
  requirePriority(priority);
  requireFunction('key', key);
  requireFunction('classify', classify);
  if (!OUTCOMES.includes(outcomes))
    throw new InvalidOption('outcomes', `must be one of ${OUTCOMES.join(', ')}, not ${String(outcomes)}.`);
  const whole = (name: 'concurrency' | 'buffer' | 'maxAhead', usual: number) =>
    Math.floor(numberOption(name, options[name] ?? usual, 1, 1_000_000));
  return {
    from,
    includeSystem,
    key,
    priority,
    classify,
    outcomes,
    keepOutcomes: resolveRetention(options.keepOutcomes ?? {}),
    concurrency: whole('concurrency', 16),
    buffer: whole('buffer', 1_000),
    maxAhead: whole('maxAhead', 1_000),
    timeoutMs: time('timeoutMs', options.timeoutMs, 30_000),
    retry: resolveRetry(options.retry ?? {}, RETRY),
    breaker: resolveBreaker(options.breaker ?? {}),
    checkpointMs: time('checkpointMs', options.checkpointMs, 1_000),
    stopTimeoutMs: time('stopTimeoutMs', options.stopTimeoutMs, 10_000),
  };
}

/** @throws InvalidOption */
export function resolveRetry(
  given: RetryOptions,
  usual: Required<RetryOptions> = RETRY,
): Required<RetryOptions> {
  const { attempts, delayMs, maxDelayMs } = knownOptions(given, RETRY_NAMES);
  return {
    attempts: Math.floor(numberOption('retry.attempts', attempts ?? usual.attempts, 1, 1_000_000)),
    delayMs: time('retry.delayMs', delayMs, usual.delayMs),
    maxDelayMs: time('retry.maxDelayMs', maxDelayMs, usual.maxDelayMs),
  };
}

function resolveBreaker(given: BreakerOptions): Required<BreakerOptions> {
  const { keys = 10, probeMs, maxProbeMs } = knownOptions(given, BREAKER_NAMES);
  return {
    keys: Math.floor(numberOption('breaker.keys', keys, 1, 1_000_000)),
    probeMs: time('breaker.probeMs', probeMs, 1_000),
    maxProbeMs: time('breaker.maxProbeMs', maxProbeMs, 30_000),
  };
}

function resolveRetention(given: OutcomeRetentionOptions): Required<OutcomeRetentionOptions> {
  const { maxAgeMs = 30 * 24 * 3_600_000, maxCount = 100_000 } = knownOptions(given, RETENTION_NAMES);
  return {
    maxAgeMs: numberOption('keepOutcomes.maxAgeMs', maxAgeMs, 1, Number.MAX_SAFE_INTEGER),
    maxCount: Math.floor(numberOption('keepOutcomes.maxCount', maxCount, 1, 10_000_000)),
  };
}

const OUTCOMES: readonly SubscriptionOptions['outcomes'][] = ['none', 'failures', 'all'];
const RETRY: Required<RetryOptions> = { attempts: 5, delayMs: 1_000, maxDelayMs: 30_000 };

const NAMES: OptionNames<SubscriptionOptions> = {
  from: true,
  includeSystem: true,
  key: true,
  concurrency: true,
  buffer: true,
  maxAhead: true,
  timeoutMs: true,
  retry: true,
  priority: true,
  breaker: true,
  classify: true,
  outcomes: true,
  keepOutcomes: true,
  checkpointMs: true,
  stopTimeoutMs: true,
};
const RETENTION_NAMES: OptionNames<OutcomeRetentionOptions> = { maxAgeMs: true, maxCount: true };
const RETRY_NAMES: OptionNames<RetryOptions> = { attempts: true, delayMs: true, maxDelayMs: true };
const BREAKER_NAMES: OptionNames<BreakerOptions> = { keys: true, probeMs: true, maxProbeMs: true };

function time(option: string, value: number | undefined, usual: number): number {
  return numberOption(option, value ?? usual, 1, LONGEST_TIMER);
}

function requireFunction(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function')
    throw new InvalidOption(option, `must be a function, not ${typeof value}.`);
}
