import type {
  OwnCounter,
  OwnGauge,
  OwnHistogram,
  OwnHistogramOptions,
  OwnMetricOptions,
  OwnMetrics,
  OwnMetricValues,
} from '@backstory/core/observability';
import { InvalidOption, knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import { labelName, prometheusName } from '../prometheus/names.js';
import { DERIVED } from '../prometheus/derived.js';
import type { Instrument, InstrumentDescription } from './instrument.js';
import type { Measurements } from './measurements.js';
import type { Counter, Gauge, Histogram, Series } from './series.js';

/** The metrics that an application declares, among those of the framework. */
export class DeclaredMetrics implements OwnMetrics {
  private readonly declared = new Map<string, Declared>();

  constructor(
    private readonly measurements: Measurements,
    /** A value that cannot be measured. */
    private readonly dropped: () => void,
  ) {}

  counter<By extends string = never>(name: string, options: OwnMetricOptions<By> = {}): OwnCounter<By> {
    const instrument = this.declare<Counter>('counter', name, knownOptions(options, OPTIONS));
    return {
      add: (amount = 1, by) => {
        if (amount >= 0 && Number.isFinite(amount)) at(instrument, by).add(amount);
        else this.dropped();
      },
    };
  }

  gauge<By extends string = never>(name: string, options: OwnMetricOptions<By> = {}): OwnGauge<By> {
    const instrument = this.declare<Gauge>('gauge', name, knownOptions(options, OPTIONS));
    return {
      set: (value, by) => {
        if (Number.isFinite(value)) at(instrument, by).set(value);
        else this.dropped();
      },
    };
  }

  histogram<By extends string = never>(
    name: string,
    options: OwnHistogramOptions<By> = {},
  ): OwnHistogram<By> {
    const { buckets = BUCKETS, ...rest } = knownOptions(options, HISTOGRAM);
    const instrument = this.declare<Histogram>('histogram', name, rest, rising(buckets));
    return {
      record: (value, by) => {
        if (Number.isFinite(value)) at(instrument, by).record(value);
        else this.dropped();
      },
    };
  }

  private declare<S extends Series>(
    kind: Declared['kind'],
    name: string,
    { unit = '1', help = '', by = [], limit = 2_000 }: OwnMetricOptions,
    buckets?: readonly number[],
  ): Instrument<S> {
    const description = { name, kind, unit, help, attributes: [...by], ...(buckets && { buckets }) };
    const declaration = { kind, shape: JSON.stringify([description, limit]) };
    const known = this.declared.get(name);
    if (known && known.shape !== declaration.shape)
      throw new InvalidOption(name, 'is a metric already, with another kind or other options.');
    if (!known) this.check(description, limit);
    this.declared.set(name, declaration);
    return this.measurements.declare(description, limit) as Instrument<S>;
  }

  private check(description: InstrumentDescription, limit: number): void {
    const { name, attributes } = description;
    numberOption('limit', limit, 1, 100_000);
    if (!NAME.test(name) || RESERVED.test(name)) throw new InvalidOption(name, BAD_NAME);
    const labels = attributes.map(labelName);
    const isFit = labels.every((it) => LABEL.test(it) && it !== 'le' && it !== 'quantile');
    if (labels.length > 4 || !isFit || new Set(labels).size < labels.length)
      throw new InvalidOption('by', `of ${name}: at most four different names such as "currency", not "le".`);
    const shown = shownAs(description);
    const other = this.measurements.all.find((it) => shownAs(it.description) === shown)?.description.name;
    if (other !== undefined || TAKEN.has(shown))
      throw new InvalidOption(
        name,
        `is ${shown} for Prometheus, as ${other ?? 'a metric of the framework'} is: call it something else.`,
      );
  }
}

interface Declared {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** Everything that is said of it. */
  readonly shape: string;
}

/** Without `_total`, as OpenMetrics calls a counter: there a counter and a gauge must not differ in that alone. */
function shownAs({ name, unit, kind }: InstrumentDescription): string {
  return withoutTotal(prometheusName(name, unit, kind === 'counter').name);
}

function withoutTotal(name: string): string {
  return name.replace(/_total$/, '');
}

function at<S extends Series>(instrument: Instrument<S>, by: OwnMetricValues<string> = {}): S {
  const [a, b, c, d] = instrument.description.attributes.map((name) => textOf(by[name]));
  return instrument.at(a, b, c, d);
}

function textOf(value: string | number | boolean | undefined): string | undefined {
  return value === undefined || typeof value === 'string' ? value : String(value);
}

function rising(buckets: readonly number[]): readonly number[] {
  const isFit = buckets.every((it, i) => Number.isFinite(it) && (i === 0 || it > buckets[i - 1]!));
  if (!isFit || buckets.length > 100)
    throw new InvalidOption('buckets', 'are upper bounds, each larger than the one before, 100 at most.');
  return buckets;
}

/** As OpenTelemetry has it (https://opentelemetry.io/docs/specs/otel/metrics/api/#instrument-name-syntax). */
const NAME = /^[a-z][a-z0-9_.\-/]{0,254}$/i;
/** What is ours, and what would be taken for a part of something else. */
const RESERVED = /^backstory\.|^target[._-]info$|[._-](total|count|sum|bucket)$/i;
const BAD_NAME =
  'is no name for a metric of your own: letters, digits and . _ - /, not under backstory. and not ending in total, count, sum or bucket, which Prometheus gives itself.';
const TAKEN: ReadonlySet<string> = new Set(DERIVED.map(({ name }) => withoutTotal(name)));
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
const BUCKETS = [1, 10, 100, 1_000, 10_000, 100_000].flatMap((it) => [it, 2 * it, 5 * it]).concat(1_000_000);
const OPTIONS: OptionNames<OwnMetricOptions> = { unit: true, help: true, by: true, limit: true };
const HISTOGRAM: OptionNames<OwnHistogramOptions> = { ...OPTIONS, buckets: true };
