import type { Attributes } from '@opentelemetry/api';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import { labelName } from './names.js';

/** A metric as Prometheus has it, with its series. */
export type Family = Values | Distributions;

/** A counter or gauge of Prometheus, with its series. */
export interface Values {
  /** With `_total` where it is a counter. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly points: readonly { readonly labels: Labels; readonly value: number }[];
}

/** A histogram of Prometheus, with its series. */
export interface Distributions {
  readonly name: string;
  readonly type: 'histogram';
  readonly help: string;
  readonly points: readonly Distribution[];
}

/** One series of a histogram. */
export interface Distribution {
  readonly labels: Labels;
  readonly bounds: readonly number[];
  /** One for each bound and one for the rest; not added up. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** What a series is told apart by. */
export type Labels = Readonly<Record<string, string>>;

/** Points with the labels that are left, those that are then the same added up. */
export function values(points: readonly DataPoint<number>[], without: readonly string[]): Values['points'] {
  const found = new Map<string, { readonly labels: Labels; value: number }>();
  for (const { attributes, value } of points) {
    const labels = labelsOf(attributes, without);
    const key = JSON.stringify(labels);
    const same = found.get(key);
    if (same) same.value += value;
    else found.set(key, { labels, value });
  }
  return [...found.values()];
}

export function labelsOf(attributes: Attributes, without: readonly string[] = []): Labels {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || without.includes(name)) continue;
    labels[labelName(name)] = Array.isArray(value) ? JSON.stringify(value) : String(value);
  }
  return labels;
}
