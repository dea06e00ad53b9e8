import {
  readRecorded,
  type EventStore,
  type RecordedEvent,
  type StateStore,
  type StoredEvent,
} from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { collectionsOf } from './collections.js';
import { listControls } from './control.js';
import { findEvent } from './find-event.js';
import { partitionOf } from './key-partition.js';
import { outcomesOf, readOutcome, type Outcome } from './outcome.js';
import { parkedAt, readParked, type ParkedError } from './parked-key.js';
import type { RunsHere } from './runs-here.js';
import { Standings } from './standing.js';

/**
 * One step of an event's life.
 *
 * | step | |
 * |---|---|
 * | `created` | it happened, by the clock of whoever made it |
 * | `stored` | the store recorded it |
 * | `published` | its followers were woken: that is when it is recorded |
 * | `waiting` | a subscription has not come to it |
 * | `handling` | its last attempt at a handler began |
 * | `retried` | there were attempts before that one; when is not kept |
 * | `completed` | the handler ended well; without a time where outcomes are not kept |
 * | `failed` | the last attempt failed |
 * | `parked` | its key waits: for the next attempt, or for somebody to decide |
 * | `passed` | it lies before where the subscription began or was reset to; what became of it before a reset is not kept |
 * | `left-out` | somebody decided not to have it handled |
 * | `unknown` | only the subscription's own code knows its key, and does not run here |
 */
export interface LifecycleStep {
  readonly step:
    | 'created'
    | 'stored'
    | 'published'
    | 'waiting'
    | 'handling'
    | 'retried'
    | 'completed'
    | 'failed'
    | 'parked'
    | 'passed'
    | 'left-out'
    | 'unknown';
  /** When, as ISO 8601. Absent where that is not kept. */
  readonly at?: string;
  /** How long it took: from `created` to `stored`, or the attempt of a handler. */
  readonly durationMs?: number;
  readonly subscription?: string;
  readonly handler?: string;
  /** Attempts so far, this one included; of `retried` those before it. */
  readonly attempts?: number;
  /** Why it failed, waits, was passed or was left out. */
  readonly reason?: string;
  readonly error?: ParkedError;
}

/** An event, and what became of it. */
export interface Lifecycle {
  readonly event: RecordedEvent;
  /** Those of a subscription stand together, in their order. */
  readonly steps: readonly LifecycleStep[];
}

/** What became of an event, from the log, the outcomes that are kept, and what is parked. @throws EventNotFound */
export async function lifecycle(stores: LifecycleParts, id: string): Promise<Lifecycle> {
  const stored = await findEvent(stores.events, id);
  const { logId } = await stores.events.identity();
  const handled = await stores.state.read(async (view) => {
    const concerned = [...(await listControls(view))].filter(([, { types }]) => types.includes(stored.type));
    const found: LifecycleStep[] = [];
    for (const [name, { keyed }] of concerned) {
      const key = keyed === 'stream' ? stored.stream : stores.here?.keyOf(name, stored);
      found.push(...(await subscriptionSteps(view, { name, logId, stored, key })));
    }
    return found;
  });
  const event = readRecorded(stored);
  return { event, steps: [...recordedSteps(event), ...handled] };
}

/** Where a lifecycle is read. */
export interface LifecycleParts {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly here?: RunsHere | undefined;
}

function recordedSteps({ metadata, recordedAt }: RecordedEvent): readonly LifecycleStep[] {
  const at = recordedAt.toISOString();
  const took = recordedAt.getTime() - Date.parse(metadata.occurredAt);
  return [
    { step: 'created', at: metadata.occurredAt },
    // Clocks differ, and what is imported happened long ago, by whichever clock.
    { step: 'stored', at, ...(took >= 0 && { durationMs: took }) },
    { step: 'published', at },
  ];
}

interface Asked {
  readonly name: string;
  readonly logId: string;
  readonly stored: StoredEvent;
  readonly key: string | undefined;
}

async function subscriptionSteps(view: StateView, asked: Asked): Promise<readonly LifecycleStep[]> {
  const { name, stored } = asked;
  const prefix = outcomesOf(stored.position);
  const rows = await view.list(collectionsOf(name).outcomes, { prefix });
  const kept = rows.flatMap(({ value }) => outcomeSteps(readOutcome(value)));
  const last = await standingStep(view, asked);
  // An outcome says more than that it is done.
  const isSaid = kept.length > 0 && SAID_BY_OUTCOMES.has(last.step);
  return [...kept, ...(isSaid ? [] : [last])].map((it) => ({ ...it, subscription: name }));
}

const SAID_BY_OUTCOMES: ReadonlySet<LifecycleStep['step']> = new Set(['completed', 'passed', 'unknown']);

function outcomeSteps(outcome: Outcome): readonly LifecycleStep[] {
  const { state, handler, attempts, startedAt, endedAt, durationMs, reason, error, decision } = outcome;
  const handling: LifecycleStep = { step: 'handling', at: startedAt, handler, attempts };
  const before: readonly LifecycleStep[] =
    attempts > 1 ? [{ step: 'retried', handler, attempts: attempts - 1 }, handling] : [handling];
  if (state === 'handled') return [...before, { step: 'completed', at: endedAt, durationMs, handler }];
  const failed: LifecycleStep = {
    ...{ step: 'failed', at: endedAt, durationMs, handler },
    ...(reason !== undefined && { reason }),
    ...(error && { error }),
  };
  return decision ? [...before, failed, leftOut(decision)] : [...before, failed];
}

function leftOut({ actor, reason }: { readonly actor: string; readonly reason?: string }): LifecycleStep {
  return { step: 'left-out', reason: reason === undefined ? `by ${actor}` : `by ${actor}: ${reason}` };
}

/** What is so now: it is dealt with, or what it waits for. */
async function standingStep(view: StateView, { name, logId, stored, key }: Asked): Promise<LifecycleStep> {
  if (key === undefined) return { step: 'unknown' };
  const { position } = stored;
  const text = await view.get(collectionsOf(name).parked, parkedAt(partitionOf(key), key));
  const parked = text === undefined ? undefined : readParked(text);
  if (parked?.eventId === stored.id) {
    const { parkedAt: at, handler, attempts, reason, error, dueAt } = parked;
    const until = dueAt === undefined ? reason : `${reason}: again at ${dueAt}`;
    return { step: 'parked', at, handler, attempts, reason: until, error };
  }
  const standing = await (await Standings.read(view, { name, logId }))!.of({ position, key });
  if (standing.state === 'done') return { step: 'completed' };
  if (standing.state === 'passed') {
    const { began, isReset } = standing;
    return { step: 'passed', reason: `before it ${isReset ? 'was reset to' : 'began at'} position ${began}` };
  }
  if (standing.state === 'left-out') return { ...leftOut(standing.leftOut), at: standing.leftOut.at };
  return { step: 'waiting', ...(parked && { reason: `behind event ${parked.eventId} of ${key}` }) };
}
