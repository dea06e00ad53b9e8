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
  /** How long telling one of them has taken; now and then, for measuring costs as well. */
  readonly took: (signal: Listener['signal'], seconds: number) => void;
}

/** An observer that tells each listener what it has a function for. A seam that none hears costs nothing. */
export function observerOf(parts: ObserverParts): Observer {
  const telling: Telling = { ...parts, times: 0 };
  const around = (seam: AroundSeam) => aroundOf(seam, telling);
  const tell = (seam: ToldSeam) => tellOf(seam, telling);
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
    replay: tell('replay'),
    checkpoint: tell('checkpoint'),
    lease: tell('lease'),
    generation: tell('generation'),
    trace: parts.trace,
  };
}

interface Telling extends ObserverParts {
  /** How often somebody was told something. */
  times: number;
}

type AnyPassage = Passage<unknown, unknown>;
type Told<Fact> = readonly (readonly [(fact: Fact) => void, Listener['signal']])[];
type AnyAround = <T>(
  start: () => unknown,
  work: (end: (facts: () => unknown) => void) => Promise<T>,
) => Promise<T>;

function aroundOf(seam: AroundSeam, telling: Telling): AnyAround {
  const { listeners } = telling;
  const begins = hearing<AnyPassage>(listeners, ({ begins }) => begins[seam]);
  const ends = hearing<AnyPassage>(listeners, ({ ends }) => ends[seam]);
  if (begins.length + ends.length === 0) return (start, work) => (silent[seam] as AnyAround)(start, work);
  return async (start, work) => {
    const passage: AnyPassage = new Passage(start());
    tellAll(begins, passage, telling);
    const end = (facts: () => unknown) => void (passage.end = facts());
    try {
      return await (passage.context ? otel.with(passage.context, work, undefined, end) : work(end));
    } catch (error) {
      passage.hasFailed = true;
      passage.error = error;
      throw error;
    } finally {
      passage.seconds = (performance.now() - passage.began) / 1_000;
      tellAll(ends, passage, telling);
    }
  };
}

function tellOf(seam: ToldSeam, telling: Telling): (facts: () => unknown) => void {
  const told = hearing<unknown>(telling.listeners, (listener) => listener.told[seam]);
  if (told.length === 0) return () => undefined;
  return (facts) => tellAll(told, facts(), telling);
}

function hearing<Fact>(listeners: readonly Listener[], of: (listener: Listener) => unknown): Told<Fact> {
  return listeners.flatMap((listener) => {
    const hears = of(listener) as ((fact: Fact) => void) | undefined;
    return hears ? [[hears, listener.signal] as const] : [];
  });
}

function tellAll<Fact>(all: Told<Fact>, fact: Fact, telling: Telling): void {
  const { dropped, took } = telling;
  const isMeasured = ++telling.times % ONE_IN === 0;
  for (const [hears, signal] of all) {
    const began = isMeasured ? performance.now() : 0;
    try {
      hears(fact);
    } catch {
      dropped(signal);
    }
    if (isMeasured) took(signal, (performance.now() - began) / 1_000);
  }
}

const ONE_IN = 1_024;
