import type {
  Backtest,
  BacktestOptions,
  BacktestSource,
  PastAlert,
  RecordedOutcome,
} from '@backstory/core/observability';
import type { StoredEvent } from '@backstory/core';
import { InvalidOption, knownOptions, numberOption } from '@backstory/core/store';
import type { MetricFrom } from '../metrics/metric-from.js';
import type { AlertChange } from './alert-state.js';
import { Evaluation } from './evaluation.js';
import { Past } from './past.js';
import type { AlertRule, AnomalyDetector, WatchDefaults } from './rule.js';

/** The rules that are tried on the past. */
export interface BacktestRules {
  readonly rules: readonly (AlertRule | AnomalyDetector)[];
  readonly defaults: WatchDefaults;
  readonly own: readonly MetricFrom[];
}

/** Lets the recorded past go by, and evaluates rules as it goes. @throws InvalidOption */
export async function backtestOf(
  source: BacktestSource,
  { rules, defaults, own }: BacktestRules,
  options: BacktestOptions = {},
): Promise<Backtest> {
  const { everyMs = 60_000, ...given } = knownOptions(options, OPTIONS);
  numberOption('everyMs', everyMs, 1_000, 3_600_000);
  const { from, upTo } = await spanOf(source, given);
  if ((upTo - from) / everyMs > MOST_STEPS)
    throw new InvalidOption('everyMs', `is too short for that time: at most ${MOST_STEPS} looks.`);
  const outcomes = await outcomesOf(source, { from, upTo });
  const past = new Past(source.name, {
    own,
    outcomes,
    from,
    isDense: source.events.capabilities.densePositions,
  });
  const evaluation = new Evaluation(defaults, () => undefined, Date.now);
  for (const rule of rules) evaluation.add(rule);
  const heard = new Heard(evaluation);
  const step = (now: number) => {
    past.goTo(now);
    heard.take(evaluation.step(past, now));
  };
  let next = from + everyMs;
  for await (const event of eventsOf(source, { from, upTo })) {
    for (; event.recordedAt.getTime() > next; next += everyMs) step(next);
    past.add(event);
  }
  for (; next <= upTo; next += everyMs) step(next);
  step(upTo);
  return {
    ...{ from: new Date(from).toISOString(), upTo: new Date(upTo).toISOString() },
    ...{ events: past.events, outcomes: past.outcomes },
    ...heard.result(rules.filter(({ enabled = true }) => enabled)),
    withoutOutcomes: past.withoutOutcomes,
  };
}

/** What was raised, and of which rules anything was known. */
class Heard {
  private readonly alerts: PastAlert[] = [];
  private readonly known = new Set<string>();

  constructor(private readonly evaluation: Evaluation) {}

  take(changes: readonly AlertChange[]): void {
    for (const { name, values } of this.evaluation.status())
      if (values.some(({ state }) => state !== 'unknown')) this.known.add(name);
    for (const { step, ...note } of changes) {
      const isSame = (it: PastAlert) =>
        it.alert === note.alert &&
        it.endedAt === undefined &&
        JSON.stringify(it.labels) === JSON.stringify(note.labels);
      const at = step === 'raised' ? -1 : this.alerts.findLastIndex(isSame);
      const before = this.alerts[at];
      if (step === 'raised' && this.alerts.length < MOST_ALERTS)
        this.alerts.push({ ...note, escalations: 0 });
      if (!before || step === 'suppressed') continue;
      const { value: _value, why: _why, ...later } = note;
      this.alerts[at] = {
        ...before,
        ...later,
        escalations: before.escalations + (step === 'escalated' ? 1 : 0),
      };
    }
  }

  result(rules: readonly { readonly name: string }[]): Pick<Backtest, 'alerts' | 'unknown'> {
    const unknown = rules.map(({ name }) => name).filter((name) => !this.known.has(name));
    return { alerts: this.alerts, unknown };
  }
}

interface Span {
  readonly from: number;
  readonly upTo: number;
}

/** @throws InvalidOption */
async function spanOf(
  { events }: BacktestSource,
  given: Pick<BacktestOptions, 'from' | 'upTo'>,
): Promise<Span> {
  const upTo = (given.upTo ?? (await lastTime(events)) ?? new Date()).getTime();
  const from = (given.from ?? new Date(upTo - DAY_MS)).getTime();
  if (from < upTo) return { from, upTo };
  throw new InvalidOption('from', `must be before ${new Date(upTo).toISOString()}, where the time ends.`);
}

async function lastTime(events: BacktestSource['events']): Promise<Date | undefined> {
  for await (const page of events.readAll({ backwards: true, limit: 1, includeSystem: true }))
    if (page.events[0]) return page.events[0].recordedAt;
  return undefined;
}

async function* eventsOf(
  { events }: BacktestSource,
  { from, upTo }: Span,
): AsyncGenerator<StoredEvent, void> {
  const span = { recordedFrom: new Date(from), recordedUpTo: new Date(upTo), includeSystem: true };
  for await (const page of events.readAll(span)) yield* page.events;
}

async function outcomesOf(
  { subscriptions }: BacktestSource,
  { from, upTo }: Span,
): Promise<ReadonlyMap<string, readonly RecordedOutcome[]>> {
  const found = new Map<string, readonly RecordedOutcome[]>();
  for (const { name } of await subscriptions.list()) {
    const all = await subscriptions.outcomes(name, { limit: MOST_OUTCOMES });
    const isIn = ({ endedAt }: RecordedOutcome) => Date.parse(endedAt) > from && Date.parse(endedAt) <= upTo;
    found.set(name, all.filter(isIn));
  }
  return found;
}

const DAY_MS = 86_400_000;
const MOST_STEPS = 100_000;
const MOST_ALERTS = 10_000;
/** Of one subscription: as many as it keeps, unless it was told otherwise. */
const MOST_OUTCOMES = 100_000;
const OPTIONS = { from: true, upTo: true, everyMs: true } as const;
