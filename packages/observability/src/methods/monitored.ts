import { metrics, type Histogram, type MeterProvider } from '@opentelemetry/api';
import { errorType } from '@backstory/core/observe';
import { SCOPE } from '../metrics/measurement-producer.js';
import { decorating, whenEnded, type MethodDecoration, type Wrap } from './observed-method.js';

/** Measures each call of a method: `app.method.duration`, by method and kind of error. */
export function Monitored(name?: string): MethodDecoration {
  return decorating(monitored, name);
}

/** The same for a function. */
export const monitored: Wrap =
  (name, run) =>
  (...args) => {
    const began = performance.now();
    return whenEnded(
      () => run(...args),
      (error, hasFailed) => {
        const kind = hasFailed ? { 'error.type': errorType(error) } : {};
        durations().record((performance.now() - began) / 1_000, { 'code.function.name': name, ...kind });
      },
    );
  };

let known: { readonly provider: MeterProvider; readonly histogram: Histogram } | undefined;

/** Of the provider that is registered now: those of the API do not go along when another one is. */
function durations(): Histogram {
  const provider = metrics.getMeterProvider();
  if (known?.provider !== provider) {
    const histogram = provider.getMeter(SCOPE).createHistogram('app.method.duration', {
      unit: 's',
      description: 'Time of calls of own methods and functions.',
      advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
    });
    known = { provider, histogram };
  }
  return known.histogram;
}
