import { context as otel } from '@opentelemetry/api';
import { selfGuarded, silent, type Observer, type TraceContext } from '@backstory/core/observe';
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
  return selfGuarded({
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
    trace() {
      const found = attempt(parts.trace, [], telling);
      return found === MISSED ? undefined : found;
    },
  });
}

interface Telling extends ObserverParts {
  /** How often somebody was told something. */
  times: number;
}

type AnyPassage = Passage<unknown, unknown>;
type Told<Fact> = readonly {
  readonly hears: (fact: Fact) => void;
  readonly signal: Listener['signal'];
}[];
type AnyAround = <T>(
  start: () => unknown,
  work: (end: (facts: () => unknown) => void) => Promise<T>,
) => Promise<T>;

function aroundOf(seam: AroundSeam, telling: Telling): AnyAround {
  const { listeners } = telling;
  const begins = hearing<AnyPassage>(listeners, ({ begins }) => begins[seam]);
  const ends = hearing<AnyPassage>(listeners, ({ ends }) => ends[seam]);
  if (begins.length + ends.length === 0) return (start, work) => (silent[seam] as AnyAround)(start, work);
  return (start, work) => {
    const facts = attempt(start, begins.length > 0 ? begins : ends, telling);
    if (facts === MISSED) return work(() => undefined);
    const passage: AnyPassage = new Passage(facts);
    tellAll(begins, passage, telling);
    const end = (given: () => unknown) => {
      const said = attempt(given, ends, telling);
      if (said !== MISSED) passage.end = said;
    };
    return over(run(passage, work, end), passage, () => tellAll(ends, passage, telling));
  };
}

function run<T, End>({ context }: AnyPassage, work: (end: End) => Promise<T>, end: End): Promise<T> {
  try {
    return context ? otel.with(context, work, undefined, end) : work(end);
  } catch (error) {
    return failing(error);
  }
}

async function failing(error: unknown): Promise<never> {
  throw error;
}

/** Without `await`: each promise costs as much as everything that is counted of a passage. */
function over<T>(working: Promise<T>, passage: AnyPassage, tell: () => void): Promise<T> {
  const end = () => {
    passage.seconds = (performance.now() - passage.began) / 1_000;
    tell();
  };
  return working.then(
    (given) => {
      end();
      return given;
    },
    (error: unknown) => {
      passage.hasFailed = true;
      passage.error = error;
      end();
      throw error;
    },
  );
}

function tellOf(seam: ToldSeam, telling: Telling): (facts: () => unknown) => void {
  const told = hearing<unknown>(telling.listeners, (listener) => listener.told[seam]);
  if (told.length === 0) return () => undefined;
  return (facts) => {
    const given = attempt(facts, told, telling);
    if (given !== MISSED) tellAll(told, given, telling);
  };
}

function hearing<Fact>(listeners: readonly Listener[], of: (listener: Listener) => unknown): Told<Fact> {
  return listeners.flatMap((listener) => {
    const hears = of(listener) as ((fact: Fact) => void) | undefined;
    return hears ? [{ hears, signal: listener.signal }] : [];
  });
}

/** Facts that cannot be told are dropped for each who would have heard them. */
function attempt<T>(facts: () => T, told: Told<never>, { dropped }: Telling): T | typeof MISSED {
  try {
    return facts();
  } catch {
    for (const { signal } of told) dropped(signal);
    return MISSED;
  }
}

const MISSED = Symbol('missed');

function tellAll<Fact>(all: Told<Fact>, fact: Fact, telling: Telling): void {
  const isMeasured = ++telling.times % ONE_IN === 0;
  const how = isMeasured ? tellTimed : tell;
  for (const one of all) how(one, fact, telling);
}

function tell<Fact>({ hears, signal }: Told<Fact>[number], fact: Fact, { dropped }: Telling): void {
  try {
    hears(fact);
  } catch {
    dropped(signal);
  }
}

function tellTimed<Fact>(one: Told<Fact>[number], fact: Fact, telling: Telling): void {
  const began = performance.now();
  tell(one, fact, telling);
  telling.took(one.signal, (performance.now() - began) / 1_000);
}

const ONE_IN = 1_024;
