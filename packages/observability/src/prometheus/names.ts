import { metrics as signals } from '@backstory/core/observe';

/** How a metric of OpenTelemetry is called in Prometheus, and by which labels it is told apart. */
export interface PrometheusName {
  readonly name: string;
  /** Attributes that do not become labels: what differs in them only is added up. */
  readonly without: readonly string[];
}

/** What is told apart by a status or a kind of error is a counter of its own beside the durations, so that these stay few. */
const WITHOUT: Readonly<Record<string, readonly string[]>> = {
  'backstory.append.duration': ['error.type'],
  'backstory.publish.duration': ['error.type'],
  'backstory.process.duration': ['error.type'],
  'backstory.retry.attempts': ['outcome'],
};

/** Ours by the table of signals; what the requirements do not name, and what is not ours, after its instrument and unit. */
export function prometheusName(instrument: string, unit: string, isCounter: boolean): PrometheusName {
  const name = SPELT_OUT.get(instrument) ?? derived(instrument, unit, isCounter);
  return { name, without: WITHOUT[instrument] ?? [] };
}

const SPELT_OUT: ReadonlyMap<string, string> = new Map(
  signals.flatMap(({ name, prometheus }) => (prometheus === undefined ? [] : [[name, prometheus] as const])),
);

/** `backstory.event.type` is `event_type`. */
export function labelName(attribute: string): string {
  return sanitized(attribute.replace(/^backstory\./, ''));
}

const UNITS: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', ms: 'milliseconds' };

function derived(instrument: string, unit: string, isCounter: boolean): string {
  const base = sanitized(instrument).replace(/_total$/, '');
  const suffix = UNITS[unit];
  const named = suffix === undefined || base.endsWith(`_${suffix}`) ? base : `${base}_${suffix}`;
  return isCounter ? `${named}_total` : named;
}

function sanitized(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_');
}
