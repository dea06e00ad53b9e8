import { silent, type Around, type Observer } from './observer.js';

/** An observer whose own failures touch nobody's work. `undefined` observes nothing. */
export function guarded(observer: Observer | undefined): Observer {
  if (observer === undefined || observer === silent) return silent;
  let safe = guards.get(observer);
  if (!safe) {
    safe = guard(observer);
    guards.set(observer, safe).set(safe, safe);
  }
  return safe;
}

/**
 * Says of an observer that it guards itself: whatever it does, the work runs once, its outcome is the outcome, and nothing is thrown.
 * A second guard would cost every seam some promises.
 */
export function selfGuarded(observer: Observer): Observer {
  guards.set(observer, observer);
  return observer;
}

const guards = new WeakMap<Observer, Observer>();

function guard(observer: Observer): Observer {
  const tell =
    (seam: ToldSeam) =>
    (facts: () => never): void =>
      attempt(() => observer[seam](facts));
  return {
    command: around((start, work) => observer.command(start, work)),
    record: around((start, work) => observer.record(start, work)),
    load: around((start, work) => observer.load(start, work)),
    snapshot: around((start, work) => observer.snapshot(start, work)),
    publish: around((start, work) => observer.publish(start, work)),
    handle: around((start, work) => observer.handle(start, work)),
    project: around((start, work) => observer.project(start, work)),
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
    trace: () => attempt(() => observer.trace()),
  };
}

/** The seams that are told facts and run no work. */
type ToldSeam = {
  [Seam in keyof Observer]: Observer[Seam] extends (facts: () => never) => void ? Seam : never;
}[Exclude<keyof Observer, 'trace'>];

/** Whatever the observer does, the work runs exactly once and its outcome is the outcome. */
function around<Start, End>(observe: Around<Start, End>): Around<Start, End> {
  return async (start, work) => {
    let working: ReturnType<typeof work> | undefined;
    const once: typeof work = (end) => {
      if (working) return working;
      working = work((facts) => attempt(() => end(facts)));
      // Its failure is given to the caller below; until then an observer may leave it alone for as long as it likes.
      working.catch(() => undefined);
      return working;
    };
    try {
      await observe(start, once);
    } catch {
      // Either the work failed, which `working` knows, or the observer did, which is nobody's business.
    }
    return once(() => undefined);
  };
}

function attempt<T>(observe: () => T): T | undefined {
  try {
    const said = observe();
    // An async method is no void one, and yet TypeScript takes it for one.
    if (said instanceof Promise) said.catch(() => undefined);
    return said;
  } catch {
    return undefined;
  }
}
