import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type Span } from '@opentelemetry/api';
import type { GenerationChanged, ProjectEnd, ProjectStart } from '@backstory/core/observe';
import type { Passage } from '../passage.js';
import type { Spans } from './spans.js';

/** One span for each generation that this process fills, from its first batch until it has caught up. */
export class Rebuilds {
  private readonly runs = new Map<string, Run>();

  constructor(private readonly spans: Spans) {}

  /** A batch is about to be applied to a generation that is being built. */
  begin({ projection, generation, from }: ProjectStart): void {
    const key = keyOf(projection, generation);
    if (this.runs.has(key)) return;
    const attributes = { 'backstory.replay': true, 'backstory.replay.from': from };
    const span = this.spans.start(
      { name: `rebuild ${projection}`, kind: SpanKind.INTERNAL, attributes },
      ROOT_CONTEXT,
    );
    this.runs.set(key, { span, events: 0, batches: 0 });
  }

  /** It was, or it failed. */
  progress({ start, end, hasFailed, error }: Passage<ProjectStart, ProjectEnd>): void {
    const run = this.runs.get(keyOf(start.projection, start.generation));
    if (!run?.span || end?.isDropped) return;
    run.events += hasFailed ? 0 : start.events;
    run.batches++;
    run.span.setAttribute('backstory.replay.to', start.to);
    run.span.setAttribute('backstory.events.replayed', run.events);
    if (hasFailed) run.span.recordException(error instanceof Error ? error : String(error));
    else if (isTold(run.batches)) run.span.addEvent('progress', { 'backstory.position.to': start.to });
  }

  changed({ projection, generation, change }: GenerationChanged): void {
    const key = keyOf(projection, generation);
    if (change === 'filled') this.end(this.runs.get(key));
    if (change !== 'swapped' && change !== 'dropped') return;
    this.end(this.runs.get(key), change === 'dropped' ? 'it was dropped' : undefined);
    this.runs.delete(key);
  }

  /** What is not done by now goes on elsewhere. */
  close(): void {
    for (const run of this.runs.values()) this.end(run, 'the process ended first');
    this.runs.clear();
  }

  private end(run: Run | undefined, problem?: string): void {
    if (!run?.span) return;
    if (problem !== undefined) run.span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
    run.span.end();
    // Kept without it: what follows the log from now on is no run.
    run.span = undefined;
  }
}

interface Run {
  span: Span | undefined;
  events: number;
  batches: number;
}

/** The 1st, 2nd, 4th, 8th … batch: a span has room for few events, and a rebuild may have any number of batches. */
function isTold(batches: number): boolean {
  return (batches & (batches - 1)) === 0;
}

function keyOf(projection: string, generation: number): string {
  return JSON.stringify([projection, generation]);
}
