import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type Span } from '@opentelemetry/api';
import type { Spans } from './spans.js';

/** One span for each run through events that were dealt with before, whatever is done in it. */
export class Runs {
  private readonly byKey = new Map<string, Run>();

  constructor(private readonly spans: Spans) {}

  /** Something of a run is about to be done; the first of it begins its span. */
  begin(key: string, name: string, from: number): void {
    if (this.byKey.has(key)) return;
    const attributes = { 'backstory.replay': true, 'backstory.replay.from': from };
    const span = this.spans.start({ name, kind: SpanKind.INTERNAL, attributes }, ROOT_CONTEXT);
    this.byKey.set(key, { span, from, to: from, events: 0, parts: 0 });
  }

  /** It was, or it failed. */
  progress(key: string, { from, to, events, hasFailed, error }: RunPart): void {
    const run = this.byKey.get(key);
    if (!run?.span) return;
    run.from = Math.min(run.from, from);
    run.to = Math.max(run.to, to);
    run.events += hasFailed ? 0 : events;
    run.parts++;
    run.span.setAttributes({
      'backstory.replay.from': run.from,
      'backstory.replay.to': run.to,
      'backstory.events.replayed': run.events,
    });
    if (hasFailed) run.span.recordException(error instanceof Error ? error : String(error));
    else if (isTold(run.parts)) run.span.addEvent('progress', { 'backstory.position.to': to });
  }

  /** Ends its span. Until it is forgotten, what follows is no run. */
  end(key: string, problem?: string): void {
    const run = this.byKey.get(key);
    if (!run?.span) return;
    if (problem !== undefined) run.span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
    run.span.end();
    run.span = undefined;
  }

  forget(key: string): void {
    this.byKey.delete(key);
  }

  /** What is not done by now goes on elsewhere. */
  close(): void {
    for (const key of this.byKey.keys()) this.end(key, 'the process ended first');
    this.byKey.clear();
  }
}

/** What was done of a run at once: which part of the log, and how many events of it. */
export interface RunPart {
  readonly from: number;
  readonly to: number;
  readonly events: number;
  readonly hasFailed: boolean;
  readonly error: unknown;
}

interface Run {
  span: Span | undefined;
  from: number;
  to: number;
  events: number;
  parts: number;
}

/** The 1st, 2nd, 4th, 8th … part: a span has room for few events, and a run may have any number of parts. */
function isTold(parts: number): boolean {
  return (parts & (parts - 1)) === 0;
}
