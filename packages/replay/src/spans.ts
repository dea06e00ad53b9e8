/** A flow as spans, rebuilt from what was recorded, and how they go to a collector. */
export {
  flowSpans,
  type FlowSource,
  type FlowSpans,
  type FlowSpansOptions,
  type RebuiltSpan,
  type SpanMoment,
} from './spans/flow-spans.js';
export { otlpLines } from './spans/otlp-lines.js';
export { sendSpans, type SendSpansOptions } from './spans/send-spans.js';
export { SpansNotTaken } from './errors.js';
