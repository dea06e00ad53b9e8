import { inTime } from '@backstory/core/observability';
import { MiddlewareTimedOut } from './errors.js';

/**
 * Sees every event before it is recorded. It gives nothing to let it pass, another event to take its place, or
 * {@link drop} to keep it from being recorded and delivered. What it throws fails the publishing; nothing is recorded.
 */
export type Middleware = (
  event: object,
  about: AboutPublishing,
) => MiddlewareAnswer | Promise<MiddlewareAnswer>;

/** The event to go on with; nothing: the same one; or that it is dropped. */
// `void`, so that a function without a return is one that observes.
export type MiddlewareAnswer = object | Drop | undefined | void;

/** What a middleware knows beside the event. */
export interface AboutPublishing {
  readonly stream: string;
  readonly transient: boolean;
}

/** The answer of a middleware that drops an event. */
export class Drop {
  /** Made by {@link drop}. */
  constructor(readonly reason: string) {}
}

/** Keeps an event from being recorded and delivered; the publisher is told the reason. */
export function drop(reason: string): Drop {
  return new Drop(reason);
}

/** An event that a middleware dropped. */
export interface Dropped {
  readonly event: object;
  readonly reason: string;
}

/** What is left of the events, in their order, and what was dropped. @throws MiddlewareTimedOut */
export async function throughMiddleware(
  { middleware, timeoutMs }: MiddlewareSteps,
  events: readonly object[],
  about: AboutPublishing,
): Promise<{ readonly kept: readonly object[]; readonly dropped: readonly Dropped[] }> {
  const kept: object[] = [];
  const dropped: Dropped[] = [];
  for (const given of events) {
    const answer = await through({ middleware, timeoutMs }, given, about);
    if (answer instanceof Drop) dropped.push({ event: given, reason: answer.reason });
    else kept.push(answer);
  }
  return { kept, dropped };
}

/** Middleware in its order, and how long each may take. */
export interface MiddlewareSteps {
  readonly middleware: readonly Middleware[];
  readonly timeoutMs: number;
}

async function through(
  { middleware, timeoutMs }: MiddlewareSteps,
  given: object,
  about: AboutPublishing,
): Promise<object> {
  let event = given;
  for (const step of middleware) {
    const work = (async () => step(event, about))();
    const answer = await inTime<MiddlewareAnswer>(timeoutMs, work, { instead: LATE });
    if (answer === LATE) throw new MiddlewareTimedOut(about.stream, timeoutMs);
    if (answer instanceof Drop) return answer;
    if (answer !== undefined) event = answer;
  }
  return event;
}

const LATE = new Drop('late');
