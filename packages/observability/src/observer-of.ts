import { context as otel } from '@opentelemetry/api';
import { silent, type Observer, type TraceContext } from '@backstory/core/observe';
import type { AroundSeam, Listener, ToldSeam } from './listener.js';
import { Passage } from './passage.js';

/** Whom an observer tells. */
export interface ObserverParts {
  readonly listeners: readonly Listener[];
  /** The trace that is active. */
  readonly trace: () => TraceContext | undefined;
  /** A listener threw. The others, and the application, go on. */
  readonly dropped: (signal: Listener['signal']) => void;
}

/** An observer that tells each listener what it has a function for. A seam that none hears costs nothing. */
export function observerOf(parts: ObserverParts): Observer {
  const around = (seam: AroundSeam) => aroundOf(seam, parts);
  const tell = (seam: ToldSeam) => tellOf(seam, parts);
  return {
    command: around('command'),
    record: around('record'),
    load: around('load'),
    snapshot: around('snapshot'),
    publish: around('publish'),
    handle: around('handle'),
    project: around('project'),
    appendBatch: tell('appendBatch'),
    blocked: tell('blocked'),
    page: tell('page'),
    route: tell('route'),
    consumer: tell('consumer'),
    park: tell('park'),
    retry: tell('retry'),
    checkpoint: tell('checkpoint'),
    lease: tell('lease'),
    generation: tell('generation'),
    trace: parts.trace,
  };
}

type AnyPassage = Passage<unknown, unknown>;
type Told<Fact> = readonly (readonly [(fact: Fact) => void, Listener['signal']])[];
type AnyAround = <T>(
  start: () => unknown,
  work: (end: (facts: () => unknown) => void) => Promise<T>,
) => Promise<T>;

function aroundOf(seam: AroundSeam, { listeners, dropped }: ObserverParts): AnyAround {
  const begins = hearing<AnyPassage>(listeners, ({ begins }) => begins[seam]);
  const ends = hearing<AnyPassage>(listeners, ({ ends }) => ends[seam]);
  if (begins.length + ends.length === 0) return (start, work) => (silent[seam] as AnyAround)(start, work);
  return async (start, work) => {
    const passage: AnyPassage = new Passage(start());
    tellAll(begins, passage, dropped);
    const end = (facts: () => unknown) => void (passage.end = facts());
    try {
      return await (passage.context ? otel.with(passage.context, work, undefined, end) : work(end));
    } catch (error) {
      passage.hasFailed = true;
      passage.error = error;
      throw error;
    } finally {
      passage.seconds = (performance.now() - passage.began) / 1_000;
      tellAll(ends, passage, dropped);
    }
  };
}

function tellOf(seam: ToldSeam, { listeners, dropped }: ObserverParts): (facts: () => unknown) => void {
  const told = hearing<unknown>(listeners, (listener) => listener.told[seam]);
  if (told.length === 0) return () => undefined;
  return (facts) => tellAll(told, facts(), dropped);
}

function hearing<Fact>(listeners: readonly Listener[], of: (listener: Listener) => unknown): Told<Fact> {
  return listeners.flatMap((listener) => {
    const hears = of(listener) as ((fact: Fact) => void) | undefined;
    return hears ? [[hears, listener.signal] as const] : [];
  });
}

function tellAll<Fact>(all: Told<Fact>, fact: Fact, dropped: ObserverParts['dropped']): void {
  for (const [hears, signal] of all) {
    try {
      hears(fact);
    } catch {
      dropped(signal);
    }
  }
}
