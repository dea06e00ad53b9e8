import fc from 'fast-check';
import type { EventMetadata } from '@backstory/core';
import { count, max, sum } from './number-reducers.js';
import { reducer } from './reducer.js';
import { session, sliding, tumbling, type WindowShape } from './shapes.js';
import type { ClosedWindow, WindowDocument, WindowResult } from './window-document.js';
import { windowFold } from './window-fold.js';

/** An event: when it happened, and its value, if it has one. */
interface Happened {
  readonly at: number;
  readonly value: number | undefined;
}

/** A window as an oracle has it: its bounds and the values in it, in the order of the log. */
interface Naive {
  readonly from: number;
  readonly to: number;
  readonly values: readonly number[];
}

const all = reducer<number, number[]>({
  initial: [],
  add: (held, value) => [...held, value],
  merge: (earlier, later) => [...earlier, ...later],
});
const folded = (shape: WindowShape) =>
  windowFold<number>(shape).reduce({ count: count(), sum: sum(), max: max(), all });

const EPOCH = Date.UTC(2026, 0, 1);
const recordedOf = (at: number) => ({
  recordedAt: new Date(EPOCH + 1e9),
  metadata: { occurredAt: new Date(EPOCH + at).toISOString() } as EventMetadata,
});

/** Folds every event, each time from what was stored; gives what was closed at each, and the document at the end. */
function run(shape: WindowShape, events: readonly Happened[]) {
  const fold = folded(shape);
  let document: WindowDocument = fold.begin();
  const closed = events.map(({ at, value }) => {
    document = JSON.parse(JSON.stringify(document)) as WindowDocument;
    return fold.add(document, value, recordedOf(at));
  });
  return { fold, document, closed };
}

const plain = ({
  from,
  to,
  values,
  events,
}: WindowResult<{ count: number; all: number[]; sum: number; max: number | null }>) => {
  expect({ count: events, sum: values.sum, max: values.max }).toEqual({
    count: values.count,
    sum: values.all.reduce((a, b) => a + b, 0),
    max: Math.max(...values.all),
  });
  const sorted = [...values.all].sort((a, b) => a - b);
  return { from: Date.parse(from) - EPOCH, to: Date.parse(to) - EPOCH, values: sorted };
};
const sortedNaive = ({ from, to, values }: Naive): Naive => ({
  from,
  to,
  values: [...values].sort((a, b) => a - b),
});

/** Mostly forward in time, sometimes far back; some without a value. */
const events = fc
  .array(
    fc.record({
      step: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -150, max: 300 })),
      value: fc.option(fc.integer({ min: -50, max: 50 }), { nil: undefined, freq: 5 }),
    }),
    { maxLength: 60 },
  )
  .map((steps): Happened[] => {
    let now = 1_000;
    return steps.map(({ step, value }) => {
      now = Math.max(0, now + step);
      return { at: now, value };
    });
  });
const hasValue = (it: Happened): it is Happened & { value: number } => it.value !== undefined;
/** The latest time of the events up to an index. */
const timeAt = (happened: readonly Happened[], upTo: number) =>
  Math.max(-Infinity, ...happened.slice(0, upTo + 1).map(({ at }) => at));

describe('windows by time', () => {
  const shapes = fc
    .record({
      sizeMs: fc.integer({ min: 1, max: 120 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      offsetMs: fc.integer({ min: -200, max: 200 }),
      latenessMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })),
    })
    .map(({ sizeMs, share, ...rest }) => {
      return { sizeMs, everyMs: Math.max(1, Math.ceil(sizeMs / 12), Math.round(sizeMs * share)), ...rest };
    });

  it('that overlap may be closed, some of them, for a value that comes late: it is counted', () => {
    const size = { sizeMs: 100, everyMs: 50 };
    const { fold, document } = run(sliding(size), [
      { at: 10, value: 1 },
      { at: 60, value: 1 },
      { at: 40, value: 1 },
    ]);
    expect(fold.open(document).map(({ events: n }) => n)).toEqual([3, 1]);
    expect(document.late).toBe(1);
  });

  it('hold what happened in them and came before they were closed, and are closed by the time of events', () => {
    fc.assert(
      fc.property(shapes, events, (size, happened) => {
        const { sizeMs, everyMs, offsetMs, latenessMs } = size;
        // The epoch of the windows is not that of the test.
        const phase = ((((offsetMs - EPOCH) % everyMs) + everyMs) % everyMs) - everyMs * 15;
        const times = happened.map((_, i) => timeAt(happened, i));
        const last = Math.max(0, ...times);
        const expected: (Naive & { readonly closedAt: number })[] = [];
        const late = new Set<number>();
        for (let from = phase; from <= last; from += everyMs) {
          const to = from + sizeMs;
          const over = times.findIndex((time) => time - latenessMs >= to);
          const within = happened.flatMap((it, i) => {
            const isIn = it.at >= from && it.at < to && hasValue(it);
            const isOver = (times[i - 1] ?? -Infinity) - latenessMs >= to;
            if (isIn && isOver) late.add(i);
            return isIn && !isOver ? [i] : [];
          });
          if (within.length === 0) continue;
          const values = within.map((i) => happened[i]!.value!);
          expected.push({ from, to, values, closedAt: over === -1 ? Infinity : over });
        }
        const { fold, document, closed } = run(sliding(size), happened);
        expect(closed.map((it) => it.map(plain))).toEqual(
          happened.map((_, i) => expected.filter(({ closedAt }) => closedAt === i).map(sortedNaive)),
        );
        const open = expected.filter(({ closedAt }) => closedAt === Infinity);
        expect(fold.open(document).map(plain)).toEqual(open.map(sortedNaive));
        expect(document.late).toBe(late.size);
        const time = timeAt(happened, happened.length);
        const current = fold.current(document);
        expect(current && plain(current)).toEqual(
          open.filter(({ from, to }) => from <= time && time < to).map(sortedNaive)[0],
        );
        expect(closed.flat().map(({ number }) => number)).toEqual(closed.flat().map((_, i) => i + 1));
      }),
      { numRuns: 100 },
    );
  });

  it('that tumble are those that slide by their size', () => {
    fc.assert(
      fc.property(shapes, events, ({ sizeMs, offsetMs, latenessMs }, happened) => {
        const size = { sizeMs, offsetMs, latenessMs };
        const [a, b] = [run(tumbling(size), happened), run(sliding({ ...size, everyMs: sizeMs }), happened)];
        expect(a.closed).toEqual(b.closed);
        expect(a.document).toEqual(b.document);
      }),
      { numRuns: 50 },
    );
  });
});

it('sessions are what lies close together, and a late event may join two', () => {
  const shapes = fc.record({
    gapMs: fc.integer({ min: 1, max: 60 }),
    latenessMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })),
  });
  fc.assert(
    fc.property(shapes, events, ({ gapMs, latenessMs }, happened) => {
      // Groups all values that are in no closed session anew, each time.
      let open: (Happened & { value: number })[] = [];
      let late = 0;
      const grouped = () => {
        const groups: (typeof open)[] = [];
        for (const it of [...open].sort((a, b) => a.at - b.at)) {
          const last = groups.at(-1);
          if (last && it.at - last.at(-1)!.at <= gapMs) last.push(it);
          else groups.push([it]);
        }
        return groups;
      };
      const naive = (group: typeof open): Naive => ({
        from: group[0]!.at,
        to: group.at(-1)!.at,
        values: group.map(({ value }) => value),
      });
      const expected = happened.map((it, i) => {
        if (hasValue(it)) {
          open.push(it);
          const own = grouped().find((group) => group.includes(it))!;
          if (own.at(-1)!.at + gapMs < timeAt(happened, i - 1) - latenessMs) {
            open = open.filter((other) => other !== it);
            late++;
          }
        }
        const over = grouped().filter((group) => group.at(-1)!.at + gapMs < timeAt(happened, i) - latenessMs);
        open = open.filter((other) => !over.some((group) => group.includes(other)));
        return over.map(naive).map(sortedNaive);
      });
      const { fold, document, closed } = run(session({ gapMs, latenessMs }), happened);
      expect(closed.map((it) => it.map(plain))).toEqual(expected);
      expect(fold.open(document).map(plain)).toEqual(grouped().map(naive).map(sortedNaive));
      expect(document.late).toBe(late);
    }),
    { numRuns: 200 },
  );
});

const boundsOf = (group: readonly Happened[]) => ({
  from: Math.min(...group.map(({ at }) => at)),
  to: Math.max(...group.map(({ at }) => at)),
});
const naiveOf = (group: readonly Happened[]) =>
  sortedNaive({ ...boundsOf(group), values: group.map(({ value }) => value!) });

it('windows by count hold so many values each, in the order of the log', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), events, (size, happened) => {
      const { fold, document, closed } = run(tumbling({ count: size }), happened);
      const seen: Happened[] = [];
      const expected = happened.map((it) => {
        if (!hasValue(it)) return [];
        seen.push(it);
        return seen.length % size === 0 ? [naiveOf(seen.slice(-size))] : [];
      });
      expect(closed.map((it) => it.map(plain))).toEqual(expected);
      const rest = seen.slice(seen.length - (seen.length % size));
      expect(fold.open(document).map(plain)).toEqual(rest.length === 0 ? [] : [naiveOf(rest)]);
    }),
  );
});

it('the last values are told after every so many, or with the first event after a time', () => {
  const every = fc.oneof(
    fc.record({ every: fc.integer({ min: 1, max: 7 }) }),
    fc.record({ everyMs: fc.integer({ min: 1, max: 400 }) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), every, events, (size, how, happened) => {
      const { fold, document, closed } = run(sliding({ count: size, ...how }), happened);
      const seen: Happened[] = [];
      let told: number | undefined;
      const expected = happened.map((it, i) => {
        if (hasValue(it)) seen.push(it);
        if (seen.length === 0) return [];
        const time = timeAt(happened, i);
        told ??= time;
        const isDue =
          'every' in how ? hasValue(it) && seen.length % how.every === 0 : time - told >= how.everyMs;
        if (!isDue) return [];
        told = time;
        return [naiveOf(seen.slice(-size))];
      });
      expect(closed.map((it) => it.map(plain))).toEqual(expected);
      expect(fold.open(document).map(plain)).toEqual(seen.length === 0 ? [] : [naiveOf(seen.slice(-size))]);
    }),
  );
});

it.each([
  ['by time', tumbling({ sizeMs: 10 })],
  ['sessions', session({ gapMs: 10 })],
  ['by count', tumbling({ count: 2 })],
  ['of the last values', sliding({ count: 2, every: 2 })],
])('a minus zero is zero in windows %s, for there is no JSON of it', (_which, shape) => {
  const fold = folded(shape);
  const document = fold.begin();
  fold.add(document, -0, recordedOf(0));
  const [window] = fold.open(document);
  expect(Object.is(window!.values.all[0], 0)).toBe(true);
});

it('a session that is over is not the current one', () => {
  const { fold, document } = run(session({ gapMs: 10, latenessMs: 1_000 }), [
    { at: 100, value: 1 },
    { at: 111, value: undefined },
  ]);
  expect(fold.open(document)).toHaveLength(1);
  expect(fold.current(document)).toBeUndefined();
});

it('a clock that is ahead closes nothing: no event counts as later than it was recorded', () => {
  const fold = folded(tumbling({ sizeMs: 100 }));
  const document = fold.begin();
  const recorded = (at: number, occurred: number) => ({
    recordedAt: new Date(EPOCH + at),
    metadata: { occurredAt: new Date(EPOCH + occurred).toISOString() } as EventMetadata,
  });
  const closed: ClosedWindow[] = [];
  closed.push(...fold.add(document, 1, recorded(10, 10)));
  closed.push(...fold.add(document, 2, recorded(20, 1e10)));
  closed.push(...fold.add(document, 3, recorded(30, 30)));
  expect(closed).toEqual([]);
  expect(fold.open(document).map(plain)).toEqual([{ from: 0, to: 100, values: [1, 2, 3] }]);
});

describe('what is kept of windows is bounded', () => {
  it('however long the log, by what is open', () => {
    const fold = folded(sliding({ sizeMs: 100, everyMs: 10, latenessMs: 50 }));
    const document = fold.begin();
    let most = 0;
    for (let at = 0; at < 50_000; at += 7) {
      fold.add(document, at % 5, recordedOf(at - (at % 3) * 20));
      most = Math.max(most, document.open.length);
    }
    expect(most).toBeLessThanOrEqual(16);
    expect(document.closed).toBeGreaterThan(4_900);
  });

  it.each([
    ['too many at once', () => sliding({ sizeMs: 86_400_000, everyMs: 1_000 }), /86400 windows open at once/],
    ['for too long', () => tumbling({ sizeMs: 1_000, latenessMs: 3_600_000 }), /3601 windows open at once/],
    ['more values than are kept', () => sliding({ count: 10_001, every: 10 }), /count: must be a whole/],
    ['a gap between windows', () => sliding({ sizeMs: 10, everyMs: 11 }), /everyMs: .* from 1 to 10/],
    ['no length', () => tumbling({ sizeMs: 0 }), /sizeMs: must be a whole number/],
    ['half a millisecond', () => session({ gapMs: 0.5 }), /gapMs: must be a whole number/],
    ['two ways to tell', () => sliding({ count: 5, every: 1, everyMs: 1 }), /either `every`/],
    ['a misspelt option', () => tumbling({ sizeMs: 5, lateness: 1 } as never), /lateness: is no option/],
    ['a misspelt option', () => session({ gapMs: 5, lateness: 1 } as never), /lateness: is no option/],
    ['a misspelt option', () => sliding({ count: 5, ever: 1 } as never), /ever: is no option/],
    ['nothing to tumble', () => tumbling(null as never), /options: must be an object, not null/],
    ['nothing to slide', () => sliding(5 as never), /options: must be an object, not 5/],
    [
      'too long a wait for sessions',
      () => session({ gapMs: 1_000, latenessMs: 86_400_000 }),
      /86315 windows/,
    ],
    ['one session too many', () => session({ gapMs: 1_000, latenessMs: 1_000_000 }), /1001 windows open/],
    ['no shape', () => windowFold<number>(undefined as never).reduce({ n: count() }), /needs a `shape`/],
    ['another kind', () => windowFold({ kind: 'zzz' } as never).reduce({ n: count() }), /needs a `shape`/],
    [
      'a shape that nobody has checked',
      () => windowFold({ kind: 'time' } as never).reduce({ n: count() }),
      /`shape`/,
    ],
    ['nothing to make of them', () => windowFold(tumbling({ count: 1 })).reduce({}), /a reducer at least/],
    [
      'no reducers',
      () => windowFold(tumbling({ count: 1 })).reduce(undefined as never),
      /a reducer at least/,
    ],
    [
      'what is no reducer',
      () => windowFold(tumbling({ count: 1 })).reduce({ a: 5 as never }),
      /has a, which is no/,
    ],
  ])('%s is refused', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it.each([
    [1, 1_997],
    [7, 500],
    [1_000, 0],
    [1_000, 999_999],
  ])(
    'sessions with a gap of %d and %d late are at most as many as was reckoned when they were defined',
    (gapMs, latenessMs) => {
      const fold = windowFold<number>(session({ gapMs, latenessMs })).reduce({ n: count() });
      const document = fold.begin();
      const most = Math.floor((latenessMs + gapMs) / (gapMs + 1)) + 1;
      const lengths = Array.from({ length: most + 3 }, (_, i) => {
        fold.add(document, 1, recordedOf(i * (gapMs + 1)));
        return document.open.length;
      });
      expect(Math.max(...lengths)).toBe(most);
      expect(most).toBeLessThanOrEqual(1_000);
    },
  );

  it('a session needs reducers that can put together what was apart', () => {
    const first = reducer<number, number>({ initial: 0, add: (held, value) => held || value });
    expect(() => windowFold<number>(session({ gapMs: 5 })).reduce({ first })).toThrow(
      /reducer first a `merge`/,
    );
  });
});
