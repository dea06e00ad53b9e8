import { ProxyTracerProvider, type Tracer } from '@opentelemetry/api';

/** A tracer that traces nothing until it is told where to: what only looks at an application's definition sends nothing. */
export class LateTracer implements Tracer {
  private tracer: Tracer = NOWHERE;

  readonly startSpan: Tracer['startSpan'] = (...given) => this.tracer.startSpan(...given);

  readonly startActiveSpan: Tracer['startActiveSpan'] = ((...given: Parameters<Tracer['startActiveSpan']>) =>
    this.tracer.startActiveSpan(...given)) as Tracer['startActiveSpan'];

  begin(tracer: Tracer): void {
    this.tracer = tracer;
  }

  end(): void {
    this.tracer = NOWHERE;
  }
}

/** Of a provider that nobody tells of another one. */
const NOWHERE = new ProxyTracerProvider().getTracer('nowhere');
