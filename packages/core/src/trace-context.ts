/** A trace and span in the form of W3C Trace Context, as it travels from process to process. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}
