import type { OwnHistogramOptions, OwnMetricValues } from '@backstory/core/observability';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import type { Class, EventType } from '@backstory/events';
import { eventTypeOf } from '@backstory/events/codec';

/** How a metric is made of an event. */
export interface MetricFromOptions<Event, By extends string = string> extends Omit<
  OwnHistogramOptions<By>,
  'by'
> {
  /** Default: `app.` and the event's type, `app.order.placed`. */
  readonly name?: string;
  /** `counter`: values are only added up. Default `histogram`. */
  readonly kind?: 'histogram' | 'counter';
  /** What its series are told apart by, each with how an event says it. */
  readonly by?: Readonly<Record<By, (event: Event) => string | number | boolean | undefined>>;
}

/** A metric that is made of an event, for `metrics.own`. */
export interface MetricFrom {
  readonly type: EventType;
  readonly kind: 'histogram' | 'counter';
  readonly name: string;
  readonly options: OwnHistogramOptions;
  /** What one event measures; `undefined`: nothing. */
  measure(event: object): { readonly value: number; readonly by: OwnMetricValues<string> } | undefined;
}

/**
 * Measures something of every event of a type that this process records: `metricFrom(OrderPlaced, (e) => e.amount)`. An event of which
 * it gives `undefined` is not measured.
 *
 * @throws NotAnEvent, InvalidOption
 */
export function metricFrom<Event extends object, By extends string = never>(
  event: Class<Event>,
  value: (event: Event) => number | undefined,
  options: MetricFromOptions<Event, By> = {},
): MetricFrom {
  const type = eventTypeOf(event);
  const usual = `app.${type.name.replace(/[^a-zA-Z0-9_.\-/]/g, '_')}`;
  const { name = usual, kind = 'histogram', by, ...rest } = knownOptions(options, OPTIONS);
  const told = Object.entries<(event: Event) => OwnMetricValues<string>[string]>(by ?? {});
  return {
    ...{ type, kind, name },
    options: { help: `From ${type.name}.`, ...rest, by: told.map(([it]) => it) },
    measure(recorded) {
      const measured = value(recorded as Event);
      if (measured === undefined) return undefined;
      return {
        value: measured,
        by: Object.fromEntries(told.map(([it, of]) => [it, of(recorded as Event)])),
      };
    },
  };
}

const OPTIONS: OptionNames<MetricFromOptions<object>> = {
  name: true,
  kind: true,
  by: true,
  unit: true,
  help: true,
  limit: true,
  buckets: true,
};
