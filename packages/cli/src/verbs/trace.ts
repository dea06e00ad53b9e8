import type { RecordedEvent } from '@backstory/core';
import { trace, type Trace, type TraceNode } from '@backstory/replay';
import { counted } from '../counted.js';
import { UsageError } from '../errors.js';
import { wholeFrom } from '../numbers.js';
import { withLog } from '../open.js';
import type { Paper } from '../paper.js';
import { jsonText } from '../printable.js';
import { SPAN_EXPORT, exportSpans, flowOptions, type SpanExportValues } from '../trace/export-spans.js';
import type { Verb } from '../verb.js';

interface Options extends SpanExportValues {
  readonly occurred?: boolean;
}

export const verb: Verb = {
  arguments: [
    { name: '<id>', description: 'the id of an event of the flow, or its correlation id; or export' },
    { name: '[flow]', description: 'export: the same' },
  ],
  options: [
    {
      flags: '--limit <n>',
      description: 'at most this many events (default: 1000, export: 10000)',
      parse: wholeFrom(1),
    },
    { flags: '--system', description: "include events of the framework's own streams" },
    {
      flags: '--occurred',
      description: 'show the times at which things happened, not those at which they were recorded',
    },
    ...SPAN_EXPORT,
  ],
  notes: `export makes spans of a flow as it was recorded, however long ago: one for each
append, and one for each handler whose outcome is kept; what a handler appended
hangs under it. Ids are those of the trace and the events: the same every time,
so sending them again does no harm. The collector understands OTLP over HTTP
(/v1/traces); it is sent OTEL_EXPORTER_OTLP_HEADERS as well. A file has OTLP's
JSON, a request in each line.`,
  examples: [
    [
      'backstory trace 019aa2f0-7b1c-7d3e-9a52-0c1f6f3b2d11',
      'what led to this event and what followed from it',
    ],
    ['backstory trace order-request-77 --store sqlite:shop.db --json', 'a flow by its correlation id'],
    ['backstory trace export order-request-77 --otlp http://localhost:4318', 'the flow in Jaeger'],
    ['backstory trace export order-request-77 --file flow.jsonl', 'as a file for a collector'],
  ],
  paged: true,
  async run(call) {
    const [id, flow] = call.arguments as [string, string | undefined];
    const { occurred = false, ...values } = call.options as Options;
    if (flow !== undefined) return exportSpans(call, { id: exportedIn(id, flow), values });
    refuseTargets(values);
    const options = flowOptions(call, values);
    const found = await withLog(call, (log) => trace(log, id, options));
    await call.report.answer(found, (paper) => traceLines(found, { asked: id, occurred }, paper), traceJson);
    if (found.truncatedAt !== undefined)
      await call.report.note(
        `Only the first ${found.truncatedAt} events of this flow are shown: give a larger --limit.`,
      );
  },
};

/** @throws UsageError */
function exportedIn(action: string, flow: string): string {
  if (action === 'export') return flow;
  throw new UsageError('unknown-action', `A flow can be exported: backstory trace export ${flow}.`);
}

/** @throws UsageError */
function refuseTargets({ otlp, file }: SpanExportValues): void {
  if (otlp === undefined && file === undefined) return;
  const option = otlp === undefined ? '--file' : '--otlp';
  throw new UsageError('conflicting-options', `${option} is for an export: backstory trace export <id>.`);
}

function* traceLines(
  { correlationId, roots }: Trace,
  { asked, occurred }: { readonly asked: string; readonly occurred: boolean },
  paper: Paper,
): Generator<string, void> {
  const rows = [...walk(roots)];
  const timeOf = occurred ? occurredAt : recordedAt;
  const begin = timeOf(rows[0]!.node.event);
  const streams = new Set(rows.map(({ node }) => node.event.stream)).size;
  yield `flow ${paper.bold(correlationId)}`;
  yield paper.dim(
    `began ${new Date(begin).toISOString()}: ${counted(rows.length, 'event')} in ${counted(streams, 'stream')}`,
  );
  yield '';
  for (const { node, lead } of rows) {
    const { event } = node;
    const mark = event.id === asked ? paper.changed('  ◀ this event') : '';
    yield `${lead}${paper.bold(event.type)}  ${paper.name(`${event.stream} v${event.version}`)}  ${paper.dim(`${gap(timeOf(event) - begin)}${placeAndWho(event)}`)}${mark}`;
  }
}

interface Row {
  readonly node: TraceNode;
  readonly lead: string;
}

/** Depth first, without recursion: a flow may be deeper than the call stack. Deep branches stop moving to the right. */
function* walk(roots: readonly TraceNode[]): Generator<Row, void> {
  const open = [...roots].reverse().map((node) => ({ node, before: '', last: true, depth: 0 }));
  for (let it = open.pop(); it; it = open.pop()) {
    const { node, before, last, depth } = it;
    yield { node, lead: depth === 0 ? '' : `${before}${last ? '└─ ' : '├─ '}` };
    const inner = depth === 0 ? '' : depth > DEEPEST ? before : `${before}${last ? '   ' : '│  '}`;
    node.children.forEach((_, i) => {
      const child = node.children[node.children.length - 1 - i]!;
      open.push({ node: child, before: inner, last: i === 0, depth: depth + 1 });
    });
  }
}

const DEEPEST = 10;

/** Without recursion as well. */
function traceJson({ correlationId, roots, truncatedAt }: Trace): string {
  const parts = [`{"correlationId":${jsonText(correlationId)},"roots":[`];
  const todo: (TraceNode | string)[] = [truncatedAt === undefined ? ']}' : `],"truncatedAt":${truncatedAt}}`];
  todo.push(...separated(roots));
  for (let it = todo.pop(); it !== undefined; it = todo.pop()) {
    if (typeof it === 'string') {
      parts.push(it);
      continue;
    }
    parts.push(`{"event":${jsonText(it.event)},"children":[`);
    todo.push(']}', ...separated(it.children));
  }
  return parts.join('');
}

/** The last first, for taking from the end. */
function separated(nodes: readonly TraceNode[]): (TraceNode | string)[] {
  return nodes.flatMap((node, i) => (i === 0 ? [node] : [',', node])).reverse();
}

function recordedAt(event: RecordedEvent): number {
  return event.recordedAt.getTime();
}

function occurredAt({ metadata }: RecordedEvent): number {
  return Date.parse(metadata.occurredAt);
}

const HOUR = 3_600_000;

/** `+0.105 s`, `+5 h`, `+129 d`: as exact as it is short. */
function gap(ms: number): string {
  const size = Math.abs(ms);
  const text =
    size < HOUR
      ? `${(size / 1_000).toFixed(3)} s`
      : size < 48 * HOUR
        ? `${Math.floor(size / HOUR)} h`
        : `${Math.floor(size / (24 * HOUR))} d`;
  return `${ms < 0 ? '-' : '+'}${text}`;
}

function placeAndWho({ position, metadata }: RecordedEvent): string {
  return `  #${position}${metadata.actor === undefined ? '' : `  by ${metadata.actor}`}`;
}
