import type {
  AppendBatch,
  CommandEnd,
  CommandStart,
  HandleEnd,
  HandleStart,
  KeyParked,
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
} from '@backstory/core/observe';
import { isSystemStream } from '@backstory/core/store';
import { aggregateType } from '../aggregate-type.js';
import { CONFLICT, errorType } from '@backstory/core/observe';
import { FewNames } from '../few-names.js';
import { handlerName } from '../handler-name.js';
import type { Listener } from '../listener.js';
import { commandOutcome } from '../outcome.js';
import type { Passage } from '../passage.js';
import type { Measurements } from './measurements.js';
import { Redrives } from './redrives.js';

/** Measures what passes the seams. */
export function metering(measurements: Measurements): Listener {
  const it = instrumentsOf(measurements);
  const commands = new FewNames();
  const redrives = new Redrives();
  return {
    signal: 'metrics',
    begins: { handle: ({ start }) => activeOf(it, start).add(1) },
    ends: {
      command: (passage) => command(it, commands, passage),
      record: (passage) => record(it, passage),
      load: (passage) => load(it, passage),
      snapshot: (passage) => snapshot(it, passage),
      publish: (passage) => publish(it, passage),
      handle: (passage) => handle(it, passage),
      project: (passage) => project(it, passage),
    },
    told: {
      appendBatch: (facts) => appendBatch(it, facts),
      route: ({ rule, target, result }) => it.routed.at(rule, target, result).add(1),
      retry: ({ subscription, handler, eventType }) =>
        it.retryScheduled.at(eventType, handlerName(subscription, handler)).add(1),
      park: (facts) => park(it, redrives, facts),
    },
  };
}

type Instruments = ReturnType<typeof instrumentsOf>;

function instrumentsOf(measurements: Measurements) {
  const counter = (name: string) => measurements.counter(`backstory.${name}`);
  const histogram = (name: string) => measurements.histogram(`backstory.${name}`);
  return {
    appended: counter('events.appended'),
    published: counter('events.published'),
    conflicts: counter('append.conflicts'),
    lookups: counter('snapshot.lookups'),
    applyErrors: counter('apply.errors'),
    routed: counter('events.routed'),
    retryScheduled: counter('retry.scheduled'),
    retryAttempts: counter('retry.attempts'),
    deadLettered: counter('dead_letter.moved'),
    reprocessed: counter('dead_letter.reprocessed'),
    projected: counter('projection.events'),
    active: counter('handlers.active'),
    queued: measurements.gauge('backstory.append.queue.size'),
    clockAhead: measurements.gauge('backstory.append.clock.held_back'),
    appendTime: histogram('append.duration'),
    appendSize: histogram('append.batch.size'),
    loadTime: histogram('load.duration'),
    loadEvents: histogram('load.events'),
    snapshotTime: histogram('snapshot.duration'),
    publishTime: histogram('publish.duration'),
    batchTime: histogram('append.batch.duration'),
    batchWait: histogram('append.batch.wait'),
    batchFill: histogram('append.batch.fill'),
    lockWait: histogram('append.lock.wait'),
    commandTime: histogram('command.duration'),
    processTime: histogram('process.duration'),
    latency: histogram('delivery.latency'),
    projectTime: histogram('projection.batch.duration'),
    projectSize: histogram('projection.batch.size'),
  };
}

function command(it: Instruments, names: FewNames, passage: Passage<CommandStart, CommandEnd>): void {
  const { start, hasFailed, error, seconds } = passage;
  const type = start.command === undefined ? undefined : names.of(start.command);
  const kind = hasFailed ? errorType(error) : undefined;
  it.commandTime.at(type, aggregateType(start.stream), commandOutcome(passage), kind).record(seconds);
}

function record(it: Instruments, passage: Passage<RecordStart, RecordEnd>): void {
  const { start, end, hasFailed, error, seconds } = passage;
  const aggregate = aggregateType(start.writes[0]?.stream ?? '');
  const kind = hasFailed ? errorType(error) : undefined;
  it.appendTime.at(aggregate, kind).record(seconds);
  if (kind === CONFLICT) it.conflicts.at(aggregate).add(1);
  // What was recorded before was counted then.
  if (hasFailed || end?.repeated) return;
  let events = 0;
  for (const { stream, types } of start.writes) {
    const own = aggregateType(stream);
    const isSystem = isSystemStream(stream);
    for (const type of types) {
      it.appended.at(type, own).add(1);
      if (!isSystem) it.published.at(type, start.source).add(1);
    }
    events += types.length;
  }
  it.appendSize.at(aggregate).record(events);
}

function load(it: Instruments, { start, end, error, seconds }: Passage<LoadStart, LoadEnd>): void {
  const aggregate = aggregateType(start.stream);
  const problem = FOLD_ERRORS.get(errorType(error));
  if (problem !== undefined) it.applyErrors.at(aggregate, problem).add(1);
  if (!end) return;
  it.loadTime.at(aggregate, end.from).record(seconds);
  it.loadEvents.at(aggregate, end.from).record(end.eventsFolded);
}

/** Loads fail for other reasons too, which are no errors of folding. */
const FOLD_ERRORS: ReadonlyMap<string, string> = new Map([
  ['BACKSTORY_FOLD_FAILED', 'reducer_threw'],
  ['BACKSTORY_ASYNC_FOLD', 'reducer_threw'],
  ['BACKSTORY_RAISE_IN_FOLD', 'reducer_threw'],
  ['BACKSTORY_MISSING_HANDLER', 'unknown_event'],
  ['BACKSTORY_UNKNOWN_EVENT_TYPE', 'unknown_event'],
  ['BACKSTORY_UPCAST_FAILED', 'upcast_failed'],
  ['BACKSTORY_UNREADABLE_EVENT', 'unreadable'],
  ['BACKSTORY_UNREADABLE_VALUE', 'unreadable'],
]);

function snapshot(it: Instruments, { start, end, seconds }: Passage<SnapshotStart, SnapshotEnd>): void {
  const aggregate = aggregateType(start.stream);
  it.snapshotTime.at(aggregate, start.operation).record(seconds);
  if (start.operation === 'load' && end) it.lookups.at(aggregate, end.result).add(1);
}

function publish(it: Instruments, passage: Passage<PublishStart, PublishEnd>): void {
  const { type, source, position } = passage.start.event;
  const kind = passage.hasFailed ? errorType(passage.error) : undefined;
  it.publishTime.at(type, source, kind).record(passage.seconds);
  // What was recorded was counted when it was.
  if (position === 0) it.published.at(type, source).add(1);
}

function activeOf(it: Instruments, { subscription, handler, event }: HandleStart) {
  return it.active.at(handlerName(subscription, handler), event.type);
}

function handle(
  it: Instruments,
  { start, hasFailed, error, seconds }: Passage<HandleStart, HandleEnd>,
): void {
  const { event, attempt } = start;
  const handler = handlerName(start.subscription, start.handler);
  activeOf(it, start).add(-1);
  it.processTime.at(event.type, handler, hasFailed ? errorType(error) : undefined).record(seconds);
  if (attempt > 1) it.retryAttempts.at(event.type, handler, hasFailed ? 'failure' : 'success').add(1);
  if (hasFailed) return;
  const latency = (Date.now() - Date.parse(event.occurredAt)) / 1_000;
  if (latency >= 0) it.latency.at(event.type, handler).record(latency);
}

function project(it: Instruments, passage: Passage<ProjectStart, ProjectEnd>): void {
  const { start, end, hasFailed, error, seconds } = passage;
  const { projection } = start;
  if (end?.isDropped) return;
  const waited = (end?.waitedMs ?? 0) / 1_000;
  it.projectTime.at(projection, hasFailed ? errorType(error) : undefined).record(seconds - waited);
  if (hasFailed) it.projected.at(projection, 'failed').add(1);
  if (!end) return;
  it.projectSize.at(projection).record(start.events);
  if (end.applied > 0) it.projected.at(projection, 'applied').add(end.applied);
  if (end.skipped > 0) it.projected.at(projection, 'skipped').add(end.skipped);
}

function appendBatch(it: Instruments, facts: AppendBatch): void {
  const { store } = facts;
  it.batchTime.at(store).record(facts.durationMs / 1_000);
  it.batchWait.at(store).record(facts.waitedMs / 1_000);
  it.lockWait.at(store).record(facts.lockWaitMs / 1_000);
  it.batchFill.at(store).record(facts.events);
  it.queued.at(store).set(facts.queued);
  it.clockAhead.at(store).set(facts.clockAheadMs / 1_000);
}

function park(it: Instruments, redrives: Redrives, facts: KeyParked): void {
  const { subscription, eventType, errorType: kind, state, was } = facts;
  const handler = handlerName(subscription, facts.handler);
  if (state === 'dead' && was !== 'dead') it.deadLettered.at(eventType, handler, kind).add(1);
  const outcome = redrives.outcomeOf(facts);
  if (outcome) it.reprocessed.at(eventType, outcome).add(1);
}
