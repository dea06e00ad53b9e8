import type { EventPriority } from './event.js';

/** What is known about the flow that code is running in. It becomes the metadata of the events recorded there. */
export interface ContextFields {
  readonly correlationId?: string;
  /** The id of the recorded event being handled. */
  readonly causationId?: string;
  readonly actor?: string;
  readonly tenant?: string;
  readonly command?: string;
  readonly commandId?: string;
  readonly priority?: EventPriority;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly origin?: string;
  /** Own keys of the metadata. */
  readonly own?: Readonly<Record<string, string>>;
}
