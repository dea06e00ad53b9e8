import type { EventPriority } from './event.js';
import { NEVER_OWN, type ContextFields } from './context-fields.js';
import { LIMITS, isName } from './names.js';

/** Header values as `node:http`, Fastify, Express or a message broker give them. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface HeaderOptions {
  /** Also write the trace as B3: `single` is one `b3` header, `multi` is `x-b3-*`. */
  readonly b3?: 'single' | 'multi';
}

/** Values are percent-encoded, so that any text travels. */
const HEADER_OF = {
  correlationId: 'x-correlation-id',
  causationId: 'x-causation-id',
  actor: 'x-actor',
  tenant: 'x-tenant',
  command: 'x-command',
  commandId: 'x-command-id',
  priority: 'x-priority',
  origin: 'x-origin',
} as const;

const EVENT_IDS: ReadonlySet<string> = new Set(['correlationId', 'causationId']);
/** What a stranger may make us keep with every event, apart from ids, which are shorter. */
const TEXT_BYTES = 1_024;
const OWN_PREFIX = 'x-backstory-own-';
const PRIORITIES: readonly string[] = ['low', 'normal', 'high', 'critical'] satisfies EventPriority[];
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

export function writeHeaders(fields: ContextFields, { b3 }: HeaderOptions = {}): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [field, header] of Object.entries(HEADER_OF)) {
    const value = fields[field as keyof typeof HEADER_OF];
    if (value !== undefined) headers[header] = encoded(value);
  }
  for (const [name, value] of Object.entries(fields.own ?? {})) {
    headers[OWN_PREFIX + encodeOwnName(name)] = encoded(value);
  }
  if (fields.traceparent !== undefined) headers['traceparent'] = fields.traceparent;
  if (fields.tracestate !== undefined) headers['tracestate'] = fields.tracestate;
  return b3 && fields.traceparent ? { ...headers, ...b3Headers(fields.traceparent, b3) } : headers;
}

export function readHeaders(given: Headers): ContextFields {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    const one = Array.isArray(value) ? value.join(',') : value;
    if (typeof one === 'string') headers.set(name.toLowerCase(), one);
  }
  const fields: Record<string, unknown> = {};
  for (const [field, header] of Object.entries(HEADER_OF)) {
    const value = decoded(headers.get(header), EVENT_IDS.has(field) ? LIMITS.idBytes : TEXT_BYTES);
    if (value !== undefined && (field !== 'priority' || PRIORITIES.includes(value))) fields[field] = value;
  }
  Object.assign(fields, readTrace(headers), readOwn(headers));
  return fields;
}

function readTrace(headers: ReadonlyMap<string, string>): ContextFields {
  const w3c = headers.get('traceparent')?.trim();
  const traceparent =
    validTrace(w3c) ?? validTrace(fromB3Single(headers.get('b3'))) ?? validTrace(fromB3Multi(headers));
  if (traceparent === undefined) return {};
  const tracestate = traceparent === w3c ? headers.get('tracestate') : undefined;
  return isName(tracestate, TEXT_BYTES) ? { traceparent, tracestate } : { traceparent };
}

/** All-zero ids and version ff are invalid (https://www.w3.org/TR/trace-context/#traceparent-header). */
function validTrace(traceparent: string | undefined): string | undefined {
  const parts = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  if (!parts || /^0+$/.test(parts[1]!) || /^0+$/.test(parts[2]!) || traceparent!.startsWith('ff'))
    return undefined;
  return traceparent;
}

/** `{trace id}-{span id}[-{sampled}[-{parent}]]` (https://github.com/openzipkin/b3-propagation). */
function fromB3Single(b3: string | undefined): string | undefined {
  const [traceId, spanId, sampled] = b3?.trim().toLowerCase().split('-') ?? [];
  return traceId && spanId ? fromB3Ids(traceId, spanId, sampled) : undefined;
}

function fromB3Multi(headers: ReadonlyMap<string, string>): string | undefined {
  const traceId = headers.get('x-b3-traceid')?.toLowerCase();
  const spanId = headers.get('x-b3-spanid')?.toLowerCase();
  const sampled = headers.get('x-b3-flags') === '1' ? 'd' : headers.get('x-b3-sampled');
  return traceId && spanId ? fromB3Ids(traceId, spanId, sampled) : undefined;
}

/** Without a state the decision is left to us, and whoever sent it may have kept nothing: as if nothing had been sent. */
function fromB3Ids(traceId: string, spanId: string, sampled: string | undefined): string | undefined {
  if (!sampled) return undefined;
  const flags = sampled === '1' || sampled === 'd' || sampled === 'true' ? '01' : '00';
  return `00-${traceId.padStart(32, '0')}-${spanId}-${flags}`;
}

function b3Headers(traceparent: string, form: 'single' | 'multi'): Record<string, string> {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (!traceId || !spanId || !flags) return {};
  const sampled = parseInt(flags, 16) & 1 ? '1' : '0';
  if (form === 'single') return { b3: `${traceId}-${spanId}-${sampled}` };
  return { 'x-b3-traceid': traceId, 'x-b3-spanid': spanId, 'x-b3-sampled': sampled };
}

function readOwn(headers: ReadonlyMap<string, string>): ContextFields {
  const own: Record<string, string> = {};
  for (const [header, raw] of headers) {
    if (!header.startsWith(OWN_PREFIX)) continue;
    const name = decodeOwnName(header.slice(OWN_PREFIX.length));
    const value = decoded(raw, TEXT_BYTES);
    if (name && value !== undefined && !NEVER_OWN.has(name)) own[name] = value;
  }
  return Object.keys(own).length > 0 ? { own } : {};
}

/** Header names lose their letter case and allow few characters, so names travel as hex of their UTF-8. */
function encodeOwnName(name: string): string {
  return Buffer.from(name, 'utf8').toString('hex');
}

function decodeOwnName(hex: string): string | undefined {
  return /^([0-9a-f]{2})+$/.test(hex) ? Buffer.from(hex, 'hex').toString('utf8') : undefined;
}

/** Lone surrogates have no UTF-8: they travel as U+FFFD rather than break the request. */
function encoded(value: string): string {
  return encodeURIComponent(Buffer.from(value).toString());
}

function decoded(value: string | undefined, maxBytes: number): string | undefined {
  if (value === undefined) return undefined;
  try {
    const text = decodeURIComponent(value.trim());
    return isName(text, maxBytes) ? text : undefined;
  } catch {
    return undefined;
  }
}
