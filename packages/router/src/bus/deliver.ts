import { Context, type RecordedEvent } from '@backstory/core';
import type { ObservedEvent, Observer } from '@backstory/core/observe';
import { inTime } from '@backstory/core/state';
import { HandlerTimedOut } from './errors.js';
import type { Route } from '../rule/router.js';
import type { Listener } from './listener.js';

/** What became of one handler and one event. */
export interface HandlerOutcome {
  readonly eventId: string;
  readonly type: string;
  readonly handler: string;
  /** The topic by which it came, where the handler listens to one. */
  readonly topic: string | undefined;
  readonly outcome: 'handled' | 'failed' | 'timed-out';
  /** What the handler gave. */
  readonly value?: unknown;
  /** What it threw, or HandlerTimedOut. */
  readonly error?: unknown;
  readonly durationMs: number;
}

/** One event on its way to one handler. */
export interface Errand {
  readonly listener: Listener;
  readonly recorded: RecordedEvent<object>;
  readonly observed: ObservedEvent;
  /** As the handler says, or else the bus. */
  readonly timeoutMs: number;
  /** How it came to the handler's topic. */
  readonly route: Route | undefined;
  /** What the handler's condition threw. */
  readonly refusal: { readonly error: unknown } | undefined;
}

/** Runs one handler, in the context of its event and for so long at most. Never fails: the outcome says how it ended. */
export async function deliver(errand: Errand, observer: Observer): Promise<HandlerOutcome> {
  const { listener, recorded, observed } = errand;
  const { name: handler, topic } = listener;
  const about = { eventId: recorded.id, type: recorded.type, handler, topic };
  const start = () => ({ subscription: BUS, handler, attempt: 1, event: observed, previous: undefined });
  const began = performance.now();
  const taken = () => performance.now() - began;
  try {
    const value = await observer.handle(start, async (end) => {
      try {
        const given = await runInTime(errand);
        end(() => ({ outcome: 'handled' }));
        return given;
      } catch (error) {
        end(() => ({ outcome: outcomeOf(error) }));
        throw error;
      }
    });
    return { ...about, outcome: 'handled', value, durationMs: taken() };
  } catch (error) {
    return { ...about, outcome: outcomeOf(error), error, durationMs: taken() };
  }
}

/** The name of the bus where subscriptions have theirs. */
const BUS = 'bus';

/** Only a time-out of the bus itself: a handler may throw that of another. */
function outcomeOf(error: unknown): 'failed' | 'timed-out' {
  return error instanceof TimedOutHere ? 'timed-out' : 'failed';
}

class TimedOutHere extends HandlerTimedOut {}

/** The handler's own time, and no more than the rule has that led there. */
async function runInTime({ listener, recorded, refusal, route, ...errand }: Errand): Promise<unknown> {
  if (refusal) throw refusal.error;
  const { name, handler, topic } = listener;
  const timeoutMs = Math.min(errand.timeoutMs, route?.timeoutMs ?? Infinity);
  const over = new AbortController();
  const running = contextOf(recorded, name).run(async () =>
    handler(recorded.data, recorded, { signal: over.signal, topic }),
  );
  // Its failure after its time is nobody's any more.
  const result = await inTime<unknown>(timeoutMs, running, { instead: LATE });
  if (result !== LATE) return result;
  const error = new TimedOutHere(name, timeoutMs);
  over.abort(error);
  throw error;
}

const LATE = Symbol('late');

/** What a handler does follows from the event; where that was not recorded, from what the event itself followed from. */
function contextOf(recorded: RecordedEvent, handler: string): Context {
  const context = Context.handling(recorded, { subscription: BUS, handler });
  const isTransient = recorded.position === 0;
  return isTransient ? context.with({ causationId: recorded.metadata.causationId }) : context;
}
