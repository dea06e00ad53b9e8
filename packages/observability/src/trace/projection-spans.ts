import { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import type { GenerationChanged, ProjectEnd, ProjectStart } from '@backstory/core/observe';
import type { Passage } from '../passage.js';
import { linksTo, messagingAttributes } from './attributes.js';
import { Runs } from './runs.js';
import { untraced, type NewSpan, type Spans } from './spans.js';

/** Spans of the batches of projections; of a generation that is being built one for the whole of it. */
export class ProjectionSpans {
  private readonly rebuilds: Runs;

  constructor(private readonly spans: Spans) {
    this.rebuilds = new Runs(spans);
  }

  begin(passage: Passage<ProjectStart, ProjectEnd>): void {
    const { start } = passage;
    if (start.isBuilding) {
      this.rebuilds.begin(generationOf(start), `rebuild ${start.projection}`, start.from);
      passage.context = untraced();
      return;
    }
    const linked = linksTo(start.traces());
    if (linked.links.length === 0 && !this.spans.sampler.takesAll) return;
    this.spans.open(passage, batchSpan(start, linked), ROOT_CONTEXT);
  }

  end(passage: Passage<ProjectStart, ProjectEnd>): void {
    const { start, end, span, hasFailed, error, began } = passage;
    if (start.isBuilding) {
      // Of one that was dropped the events come again.
      if (!end?.isDropped) this.rebuilds.progress(generationOf(start), { ...start, hasFailed, error });
      return;
    }
    // What was done and how far it has come are committed together.
    if (end && !end.isDropped && !hasFailed)
      span?.addEvent(`checkpoint ${start.projection}`, { 'backstory.checkpoint.position': start.to });
    if (span)
      return this.spans.close(passage, {
        ...(end && { 'backstory.batch.wait_ms': Math.round(end.waitedMs) }),
        ...(end?.isDropped && { 'backstory.outcome': 'dropped' }),
      });
    if (hasFailed) passage.span = this.spans.late(batchSpan(start, linksTo([])), began, error);
  }

  changed(facts: GenerationChanged): void {
    const { change } = facts;
    const key = generationOf(facts);
    if (change === 'filled') this.rebuilds.end(key);
    if (change !== 'swapped' && change !== 'dropped') return;
    this.rebuilds.end(key, change === 'dropped' ? 'it was dropped' : undefined);
    this.rebuilds.forget(key);
  }

  close(): void {
    this.rebuilds.close();
  }
}

function generationOf({ projection, generation }: Pick<ProjectStart, 'projection' | 'generation'>): string {
  return JSON.stringify([projection, generation]);
}

function batchSpan(start: ProjectStart, { links, attributes }: ReturnType<typeof linksTo>): NewSpan {
  const { projection, from, to, events, recordedAt } = start;
  return {
    name: `project ${projection}`,
    kind: SpanKind.CONSUMER,
    links,
    attributes: {
      ...messagingAttributes('process', 'process', 1),
      'messaging.batch.message_count': events,
      'backstory.position.from': from,
      'backstory.position.to': to,
      'backstory.lag.seconds': Math.max(0, (Date.now() - recordedAt.getTime()) / 1_000),
      ...attributes,
    },
  };
}
