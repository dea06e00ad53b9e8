import type { Attributes, Meter } from '@opentelemetry/api';
import { metrics as signals } from '@backstory/core/observe';
import { Instrument, type InstrumentDescription } from './instrument.js';
import { forwarding } from './forwarding.js';
import { Counter, Gauge, Histogram, type Series } from './series.js';

/**
 * Everything that is measured: one instrument for each row of core's signal table, and those of the application. Kept here,
 * because the instruments of OpenTelemetry's SDK hash the attributes of every value that they are given; readers collect it
 * through `MeasurementProducer`. With a `meter` of somebody else's SDK every value goes there as well.
 */
export class Measurements {
  private readonly byName = new Map<string, Instrument>();

  constructor(private readonly meter?: Meter) {
    for (const signal of signals) this.declare(signal);
  }

  get all(): readonly Instrument[] {
    return [...this.byName.values()];
  }

  /** Adds an instrument, or gives the one of this name. */
  declare(description: InstrumentDescription, limit?: number): Instrument {
    const { name } = description;
    const known = this.byName.get(name);
    if (known) return known;
    const forward = this.meter && forwarding(this.meter, description, () => made.points);
    const make = (attributes: Attributes) => seriesOf(description, attributes, forward);
    const made: Instrument = new Instrument(description, make, limit);
    this.byName.set(name, made);
    return made;
  }

  counter(name: `backstory.${string}`): Instrument<Counter> {
    return this.byName.get(name) as Instrument<Counter>;
  }

  histogram(name: `backstory.${string}`): Instrument<Histogram> {
    return this.byName.get(name) as Instrument<Histogram>;
  }

  gauge(name: `backstory.${string}`): Instrument<Gauge> {
    return this.byName.get(name) as Instrument<Gauge>;
  }
}

function seriesOf(
  { kind, buckets = [] }: InstrumentDescription,
  attributes: Attributes,
  forward: ReturnType<typeof forwarding> | undefined,
): Series {
  if (kind === 'gauge') return new Gauge();
  if (kind === 'histogram') {
    const series = new Histogram(buckets);
    return forward ? Object.assign(series, { record: both(series, 'record', attributes, forward) }) : series;
  }
  const series = new Counter();
  return forward ? Object.assign(series, { add: both(series, 'add', attributes, forward) }) : series;
}

function both<Name extends 'add' | 'record'>(
  series: { [K in Name]: (value: number) => void },
  name: Name,
  attributes: Attributes,
  forward: (value: number, attributes: Attributes) => void,
): (value: number) => void {
  const own = series[name].bind(series);
  return (value) => {
    own(value);
    forward(value, attributes);
  };
}
