import type {
  AppendBatch,
  AppendsBlocked,
  CheckpointWritten,
  ConsumerChanged,
  EventRouted,
  GenerationChanged,
  KeyParked,
  LeaseChanged,
  PageRead,
  ReplayEnded,
  RetryScheduled,
} from './observed-facts.js';
import type {
  CommandEnd,
  CommandStart,
  HandleEnd,
  HandleStart,
  LoadEnd,
  LoadStart,
  ProjectEnd,
  ProjectStart,
  PublishEnd,
  PublishStart,
  RecordEnd,
  RecordStart,
  SnapshotEnd,
  SnapshotStart,
} from './observed-work.js';
import type { TraceContext } from './trace-context.js';

/**
 * What the framework tells about itself. One method a seam; each seam has one owner, and no store, aggregate or
 * projection mentions a span. Facts are functions, called only by an observer that listens.
 * What an observer throws reaches nobody: its owner's work goes on (see `guarded`).
 */
export interface Observer {
  /** A command or `update`: load, decide, save, with its retries. Owner: repository. */
  readonly command: Around<CommandStart, CommandEnd>;
  /** Stamping and appending events. Owner: Recorder. */
  readonly record: Around<RecordStart, RecordEnd>;
  /** Rebuilding an aggregate from its events. Owner: repository. */
  readonly load: Around<LoadStart, LoadEnd>;
  /** Reading or writing a snapshot. Owner: repository. */
  readonly snapshot: Around<SnapshotStart, SnapshotEnd>;
  /** Giving one event to the handlers of the in-process bus. Owner: router. */
  readonly publish: Around<PublishStart, PublishEnd>;
  /** One attempt of one handler at one event. Owner: router. */
  readonly handle: Around<HandleStart, HandleEnd>;
  /** One batch of a projection: its events, effects and checkpoint. Owner: projection. */
  readonly project: Around<ProjectStart, ProjectEnd>;
  /** One transaction of a group commit, in numbers. Owner: AppendQueue. */
  appendBatch(facts: () => AppendBatch): void;
  /** Appends have waited long for a lock that somebody else holds. Owner: the store. */
  blocked(facts: () => AppendsBlocked): void;
  /** A page that a follower got. Owner: follow. */
  page(facts: () => PageRead): void;
  /** A routing rule decided about an event. Owner: router. */
  route(facts: () => EventRouted): void;
  /** A subscription or projection started, stopped, paused, faulted, changed hands, or is done with a replay. Owner: whoever runs it. */
  consumer(facts: () => ConsumerChanged): void;
  /** A key was parked, put off or released. Owner: router. */
  park(facts: () => KeyParked): void;
  /** A handler is to be tried again. Owner: whoever tries. */
  retry(facts: () => RetryScheduled): void;
  /** This process has done its part of a replay. Owner: router. */
  replay(facts: () => ReplayEnded): void;
  /** Owner: whoever keeps the checkpoint. */
  checkpoint(facts: () => CheckpointWritten): void;
  /** Owner: whoever keeps the lease. */
  lease(facts: () => LeaseChanged): void;
  /** A generation of a projection was made, filled, verified, swapped or dropped. Owner: projection. */
  generation(facts: () => GenerationChanged): void;
  /** The trace that is active now, as W3C strings; `undefined` when no tracer is. */
  trace(): TraceContext | undefined;
}

/**
 * Runs `work`, once, and gives back what it gives. `work` is told how to report its end, which it may do once;
 * an observer learns of failure from the rejection.
 */
export type Around<Start, End> = <T>(
  start: () => Start,
  work: (end: (facts: () => End) => void) => Promise<T>,
) => Promise<T>;

const ignore = (): void => undefined;
const justRun = <T>(_start: unknown, work: (end: () => void) => Promise<T>): Promise<T> => work(ignore);

/** Observes nothing. The default: nothing is computed and nothing is kept. */
export const silent: Observer = {
  command: justRun,
  record: justRun,
  load: justRun,
  snapshot: justRun,
  publish: justRun,
  handle: justRun,
  project: justRun,
  appendBatch: ignore,
  blocked: ignore,
  page: ignore,
  route: ignore,
  consumer: ignore,
  park: ignore,
  retry: ignore,
  replay: ignore,
  checkpoint: ignore,
  lease: ignore,
  generation: ignore,
  trace: () => undefined,
};
