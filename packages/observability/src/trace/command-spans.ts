import { SpanKind } from '@opentelemetry/api';
import { Context } from '@backstory/core';
import type {
  CommandEnd,
  CommandStart,
  LoadEnd,
  LoadStart,
  SnapshotEnd,
  SnapshotStart,
} from '@backstory/core/observe';
import { aggregateType } from '../aggregate-type.js';
import { FewNames } from '../few-names.js';
import { commandOutcome } from '../outcome.js';
import type { Passage } from '../passage.js';
import { ambientAttributes } from './attributes.js';
import { untraced, type NewSpan, type Spans } from './spans.js';

/** Spans of commands, and of the loads and snapshots in them. */
export class CommandSpans {
  private readonly commands = new FewNames();

  constructor(private readonly spans: Spans) {}

  beginCommand(passage: Passage<CommandStart, CommandEnd>): void {
    const { correlationId, causationId } = Context.current().fields;
    const place = this.spans.place(correlationId);
    if (place) return this.spans.open(passage, this.commandSpan(passage.start), place);
    // A flow without a name was drawn, and what belongs to it must not be drawn again.
    if (correlationId === undefined && causationId === undefined && !this.spans.sampler.takesAll)
      passage.context = untraced();
  }

  endCommand(passage: Passage<CommandStart, CommandEnd>): void {
    const { span, end, hasFailed, error, began } = passage;
    const outcome = commandOutcome(passage);
    if (span) {
      const { attempts = 0, events = 0 } = end ?? {};
      return this.spans.close(passage, {
        'backstory.outcome': outcome,
        ...(end && { 'backstory.retry.attempt': attempts - 1, 'backstory.events.count': events }),
      });
    }
    // A decision against it is no failure of the system: there may be many.
    if (!hasFailed || outcome === 'rejected') return;
    const { name, kind, attributes } = this.commandSpan(passage.start);
    passage.span = this.spans.late(
      { name, kind, attributes: { ...attributes, 'backstory.outcome': outcome } },
      began,
      error,
    );
  }

  beginLoad(passage: Passage<LoadStart, LoadEnd>): void {
    const place = this.spans.inside();
    if (!place) return;
    const { stream } = passage.start;
    const attributes = { ...ambientAttributes(), 'backstory.stream.id': stream };
    this.spans.open(
      passage,
      { name: `load ${aggregateType(stream)}`, kind: SpanKind.INTERNAL, attributes },
      place,
    );
  }

  endLoad(passage: Passage<LoadStart, LoadEnd>): void {
    const { span, end } = passage;
    if (!span) return;
    if (!end) return this.spans.close(passage, {});
    const { version, eventsFolded, from, snapshotVersion } = end;
    this.spans.close(passage, {
      'backstory.version': version,
      'backstory.events.replayed': eventsFolded,
      'backstory.snapshot.hit': from !== 'stream',
      ...(snapshotVersion !== undefined && { 'backstory.snapshot.version': snapshotVersion }),
    });
  }

  beginSnapshot(passage: Passage<SnapshotStart, SnapshotEnd>): void {
    const place = this.spans.inside();
    if (!place) return;
    const { stream, operation } = passage.start;
    const attributes = {
      ...ambientAttributes(),
      'backstory.stream.id': stream,
      'backstory.snapshot.operation': operation,
    };
    this.spans.open(
      passage,
      { name: `snapshot ${aggregateType(stream)}`, kind: SpanKind.INTERNAL, attributes },
      place,
    );
  }

  endSnapshot(passage: Passage<SnapshotStart, SnapshotEnd>): void {
    const { span, end } = passage;
    if (span) this.spans.close(passage, end ? { 'backstory.snapshot.bytes': end.bytes } : {});
  }

  private commandSpan({ command, stream }: CommandStart): NewSpan {
    const aggregate = aggregateType(stream);
    const type = command === undefined ? undefined : this.commands.of(command);
    return {
      name: `handle ${type ?? aggregate}`,
      kind: SpanKind.INTERNAL,
      attributes: {
        ...ambientAttributes(),
        ...(type !== undefined && { 'backstory.command.type': type }),
        'backstory.aggregate.type': aggregate,
        'backstory.stream.id': stream,
      },
    };
  }
}
