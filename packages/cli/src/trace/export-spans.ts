import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import {
  flowSpans,
  otlpLines,
  sendSpans,
  type FlowSpans,
  type FlowSpansOptions,
} from '@backstory/replay/spans';
import { counted } from '../counted.js';
import { UsageError } from '../errors.js';
import type { CommandIo } from '../io.js';
import { subscriptionsOf, withStores } from '../open.js';
import { requireFree, writeNew } from '../part-file.js';
import type { VerbCall, VerbOption } from '../verb.js';

/** Where the spans of a flow go. */
export const SPAN_EXPORT: readonly VerbOption[] = [
  { flags: '--otlp <url>', description: 'export: send it to this collector', parse: collectorIn },
  { flags: '--file <file>', description: 'export: write it to this file', names: 'file' },
];

/** The options of a flow, and of an export of it. */
export interface SpanExportValues {
  readonly limit?: number;
  readonly system?: boolean;
  readonly otlp?: string;
  readonly file?: string;
}

export function flowOptions({ io }: VerbCall, { limit, system }: SpanExportValues): FlowSpansOptions {
  return {
    ...(io.signal && { signal: io.signal }),
    ...(limit !== undefined && { limit }),
    ...(system && { includeSystem: true }),
  };
}

/** Makes spans of a flow, and sends them or writes them to a file. @throws UsageError, SpansNotTaken */
export async function exportSpans(
  call: VerbCall,
  { id, values }: { readonly id: string; readonly values: SpanExportValues },
): Promise<void> {
  const { otlp, file } = values;
  if ((otlp === undefined) === (file === undefined))
    throw new UsageError(
      otlp === undefined ? 'missing-option' : 'conflicting-options',
      'Say where to, either --otlp <url> or --file <file>.',
    );
  const out = file === undefined ? undefined : path.resolve(call.io.cwd, file);
  if (out !== undefined) requireFree(out, '--file');
  const flow = await withStores(call, { readOnly: true }, ({ events, state, definition }) => {
    const name = definition?.name ?? 'backstory';
    const subscriptions = subscriptionsOf({ events, state, name });
    return flowSpans({ events, subscriptions }, id, flowOptions(call, values));
  });
  if (out !== undefined) await writeNew(out, linesOf(flow), '--file');
  else await sendSpans(flow, { url: otlp!, ...sending(call.io) });
  await tell(call, flow, out === undefined ? { otlp: otlp! } : { file: path.relative(call.io.cwd, out) });
}

async function tell(
  call: VerbCall,
  { correlationId, traceId, spans, events, truncatedAt }: FlowSpans,
  to: { readonly otlp: string } | { readonly file: string },
): Promise<void> {
  const answer = {
    ...{ correlationId, traceId, spans: spans.length, events },
    ...to,
    ...(truncatedAt !== undefined && { truncatedAt }),
  };
  await call.report.answer(answer, (paper) => [
    `${counted(spans.length, 'span')} of ${counted(events, 'event')} ${'file' in to ? 'in' : 'sent to'} ${paper.name('file' in to ? to.file : to.otlp)}`,
    `${paper.dim('flow ')} ${paper.plain(correlationId)}`,
    `${paper.dim('trace')} ${traceId}`,
  ]);
  if (truncatedAt !== undefined)
    await call.report.note(
      `Only the first ${truncatedAt} events of this flow have spans: give a larger --limit, 10000 at most.`,
    );
}

function* linesOf(flow: FlowSpans): Generator<string, void> {
  for (const line of otlpLines(flow)) yield `${line}\n`;
}

function sending({ env, signal }: CommandIo) {
  const text = env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'] ?? env['OTEL_EXPORTER_OTLP_HEADERS'] ?? '';
  return { headers: headersIn(text), ...(signal && { signal }) };
}

/** `api-key=abc,x-tenant=shop%201`, as OpenTelemetry's exporters read it. */
function headersIn(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').flatMap((pair) => {
    const [name, ...value] = pair.split('=');
    return value.length === 0 ? [] : [[name!.trim(), decodeURIComponent(value.join('=').trim())] as const];
  });
  return Object.fromEntries(pairs);
}

function collectorIn(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('Give the URL of a collector, such as http://localhost:4318.');
}
