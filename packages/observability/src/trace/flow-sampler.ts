import {
  TraceFlags,
  isSpanContextValid,
  createContextKey,
  trace,
  type Attributes,
  type Context as OtelContext,
  type Link,
  type SpanKind,
} from '@opentelemetry/api';
import { numberOption } from '@backstory/core/store';
import { SamplingDecision, type Sampler, type SamplingResult } from '@opentelemetry/sdk-trace-base';

/**
 * Decides once for a whole flow whether it is traced: a share of the flows, by a hash of the correlation id, and everything in a
 * flow as it was decided where it began. A sampler that decides for each trace would decide anew behind every link.
 */
export class FlowSampler implements Sampler {
  private readonly bound: number;

  /** `rate`: the share of the flows that are traced, 0 to 1. @throws InvalidOption */
  constructor(readonly rate: number) {
    numberOption('sampleRate', rate, 0, 1);
    this.bound = Math.floor(rate * 2 ** 32);
  }

  /** Whether every flow is traced. */
  get takesAll(): boolean {
    return this.rate === 1;
  }

  /** Whether a flow that begins is traced. One that has no name yet is drawn. */
  takes(correlationId: string | undefined): boolean {
    if (correlationId === undefined) return Math.random() < this.rate;
    return hash(correlationId) < this.bound;
  }

  /** For spans of others, such as those of an HTTP server, and for ours, about which it is asked again. */
  shouldSample(
    parent: OtelContext,
    traceId: string,
    _name: string,
    _kind: SpanKind,
    _attributes: Attributes,
    links: readonly Link[],
  ): SamplingResult {
    const decided = trace.getSpanContext(parent);
    if (decided && isSpanContextValid(decided))
      return answer((decided.traceFlags & TraceFlags.SAMPLED) !== 0);
    // Only flows that are traced have spans of ours at all.
    if (parent.getValue(DECIDED) === true) return answer(true);
    const [link] = links;
    if (link) return answer((link.context.traceFlags & TraceFlags.SAMPLED) !== 0);
    return answer(hash(traceId) < this.bound);
  }

  toString(): string {
    return `FlowSampler{${this.rate}}`;
  }
}

/** For the context that a root span of ours is started in: that it is to be was decided before. */
export const DECIDED = createContextKey('backstory.flow.decided');

function answer(isTaken: boolean): SamplingResult {
  return { decision: isTaken ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
}

/** FNV-1a with a finish that spreads ids which differ in few characters (murmur3's). */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
