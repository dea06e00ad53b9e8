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

/** In the order in which they are written. */
export const CONTEXT_FIELDS = [
  'correlationId',
  'causationId',
  'actor',
  'tenant',
  'command',
  'commandId',
  'priority',
  'traceparent',
  'tracestate',
  'origin',
] as const satisfies readonly (keyof ContextFields)[];

/** Metadata fields, which are no own keys, and the one name that objects cannot hold like any other. */
export const NEVER_OWN: ReadonlySet<string> = new Set([
  ...CONTEXT_FIELDS,
  'source',
  'occurredAt',
  '__proto__',
]);
