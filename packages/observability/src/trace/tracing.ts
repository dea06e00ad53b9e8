import type { TraceContext } from '@backstory/core/observe';
import type { Listener } from '../listener.js';
import { AppendSpans } from './append-spans.js';
import { CommandSpans } from './command-spans.js';
import { HandlingSpans, type AsyncParents } from './handling-spans.js';
import { ProjectionSpans } from './projection-spans.js';
import type { Spans } from './spans.js';

/** Makes spans of what passes the seams, where its flow is traced. */
export class Tracing implements Listener {
  readonly signal = 'traces';
  readonly begins: Listener['begins'];
  readonly ends: Listener['ends'];
  readonly told: Listener['told'];
  /** Ends what would otherwise be open for ever. */
  readonly close: () => void;

  constructor(
    private readonly spans: Spans,
    asyncParents: AsyncParents = {},
  ) {
    const commands = new CommandSpans(spans);
    const appends = new AppendSpans(spans);
    const handlings = new HandlingSpans(spans, asyncParents);
    const projections = new ProjectionSpans(spans);
    this.close = () => {
      handlings.close();
      projections.close();
    };
    this.begins = {
      command: (it) => commands.beginCommand(it),
      record: (it) => appends.beginRecord(it),
      load: (it) => commands.beginLoad(it),
      snapshot: (it) => commands.beginSnapshot(it),
      publish: (it) => handlings.beginPublish(it),
      handle: (it) => handlings.begin(it),
      project: (it) => projections.begin(it),
    };
    this.ends = {
      command: (it) => commands.endCommand(it),
      record: (it) => appends.endRecord(it),
      load: (it) => commands.endLoad(it),
      snapshot: (it) => commands.endSnapshot(it),
      publish: (it) => handlings.endPublish(it),
      handle: (it) => handlings.end(it),
      project: (it) => projections.end(it),
    };
    this.told = {
      appendBatch: (facts) => appends.batch(facts),
      route: (facts) => handlings.routed(facts),
      park: (facts) => handlings.parked(facts),
      retry: (facts) => handlings.retrying(facts),
      replay: (facts) => handlings.replayEnded(facts),
      generation: (facts) => projections.changed(facts),
    };
  }

  trace(): TraceContext | undefined {
    return this.spans.trace;
  }
}
