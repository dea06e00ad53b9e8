import fc from 'fast-check';
import type { RecordedEvent } from '@backstory/core';
import { DomainEvent } from '@backstory/events';
import { pattern, type PatternParts, type Sequence } from './pattern.js';
import type { PatternDocument, PatternMatch } from './pattern-fold.js';
import { step } from './step.js';

@DomainEvent('a')
class A {
  constructor(readonly n: number) {}
}
@DomainEvent('b')
class B {
  constructor(readonly n: number) {}
}
@DomainEvent('c')
class C {
  constructor(readonly n: number) {}
}
const CLASSES = { A, B, C };
type Name = keyof typeof CLASSES;

interface Happened {
  readonly type: Name;
  readonly n: number;
  readonly at: number;
}
interface Memory {
  readonly first: number;
  readonly all: readonly number[];
}
const initial: Memory = { first: 0, all: [] };
const EPOCH = Date.UTC(2026, 0, 1);
const instant = (at: number) => new Date(EPOCH + at).toISOString();

/** What a pattern finds at each event, each time from what was stored. */
function run(
  { steps, without, ...parts }: Partial<PatternParts<Memory> & Sequence<Memory>>,
  happened: readonly Happened[],
) {
  const found = pattern('found', {
    version: 1,
    withinMs: 100,
    initial,
    maxOpen: 1_000,
    ...parts,
  }).find({
    steps: steps ?? [
      step(A, { keep: ({ n }) => ({ first: n, all: [n] }) }),
      step(B, {
        when: ({ n }, { first }) => n >= first,
        keep: ({ n }, { first, all }) => ({ first, all: [...all, n] }),
      }),
    ],
    ...(without && { without }),
  });
  let document = found.initial as PatternDocument<Memory>;
  const matches = happened.map(({ type, n, at }, i) => {
    document = JSON.parse(JSON.stringify(document)) as typeof document;
    const emitted: PatternMatch<Memory>[] = [];
    const event = new CLASSES[type](n);
    const recorded = {
      id: String(i),
      data: event,
      recordedAt: new Date(EPOCH + 1e9),
      metadata: { occurredAt: instant(at) },
    };
    const fold = found.folds.find((it) => it.event === CLASSES[type]);
    fold?.run(document, event, recorded as RecordedEvent<object>, 'key', (it) => emitted.push(it as never));
    return emitted;
  });
  return { document, matches };
}

const events = fc
  .array(
    fc.record({
      type: fc.constantFrom<Name>('A', 'B', 'C'),
      n: fc.nat(5),
      step: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: -60, max: 150 })),
    }),
    { maxLength: 40 },
  )
  .map((all): Happened[] => {
    let at = 500;
    return all.map(({ step: more, ...it }) => ({ ...it, at: (at = Math.max(0, at + more)) }));
  });

/** For each event that fits the first step, goes through those after it. */
function naive(
  happened: readonly Happened[],
  types: readonly Name[],
  without: Name | undefined,
  withinMs: number,
) {
  const matches = happened.map(() => [] as { readonly events: string[]; readonly at: [number, number] }[]);
  // What it does not handle it does not see.
  const seen = ({ type }: Happened) => type === without || types.includes(type);
  const timeAt = (i: number) =>
    Math.max(
      ...happened
        .slice(0, i + 1)
        .filter(seen)
        .map(({ at }) => at),
    );
  happened.forEach((start, i) => {
    if (start.type !== types[0]) return;
    const taken = [i];
    for (let j = i + 1; j < happened.length && timeAt(j) <= start.at + withinMs; j++) {
      const it = happened[j]!;
      if (it.at < happened[taken.at(-1)!]!.at) continue;
      if (it.type === types[taken.length] && it.n >= start.n) taken.push(j);
      else if (it.type === without) return;
      if (taken.length < types.length) continue;
      matches[j]!.push({ events: taken.map(String), at: [start.at, it.at] });
      return;
    }
  });
  return matches;
}

it.each([
  [['A', 'B'], undefined],
  [['A', 'B'], 'C'],
  [['A', 'A', 'B'], 'C'],
  [['A', 'B', 'C'], 'A'],
  [['A', 'B', 'A', 'B'], undefined],
] as const)('%j without %s is found wherever it is, once for each beginning', (types, without) => {
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 200 }), (happened, withinMs) => {
      const [, ...more] = types;
      const { document, matches } = run(
        {
          withinMs,
          steps: [
            step(CLASSES[types[0]], { keep: ({ n }) => ({ first: n, all: [n] }) }),
            ...more.map((it) =>
              step<A, Memory>(CLASSES[it], {
                when: ({ n }, { first }) => n >= first,
                keep: ({ n }, { first, all }) => ({ first, all: [...all, n] }),
              }),
            ),
          ],
          ...(without && { without: [step(CLASSES[without])] }),
        },
        happened,
      );
      const expected = naive(happened, types, without, withinMs);
      expect(matches.map((it) => it.map(({ events: ids }) => ids))).toEqual(
        expected.map((it) => it.map(({ events: ids }) => ids)),
      );
      const all = matches.flat();
      expect(all.map(({ from, to }) => [from, to])).toEqual(expected.flat().map(({ at }) => at.map(instant)));
      expect(all.map(({ number }) => number)).toEqual(all.map((_, i) => i + 1));
      for (const { events: ids, memory } of all)
        expect(memory.all).toEqual(ids.map((id) => happened[Number(id)]!.n));
      expect(document).toMatchObject({ found: all.length, forgotten: 0 });
    }),
    { numRuns: 150 },
  );
});

it('what waits is bounded: the first is forgotten, and counted', () => {
  const happened = Array.from({ length: 10 }, (_, n): Happened => ({ type: 'A', n, at: n }));
  const { document, matches } = run({ maxOpen: 3 }, [...happened, { type: 'B', n: 9, at: 50 }]);
  expect(document).toMatchObject({ forgotten: 7, found: 3, open: [] });
  expect(matches.at(-1)!.map(({ memory }) => memory.first)).toEqual([7, 8, 9]);
});

it('a first step that comes too late to be gone on with takes the place of none that waits', () => {
  const { document, matches } = run({ maxOpen: 1 }, [
    { type: 'A', n: 1, at: 900 },
    { type: 'C', n: 1, at: 950 },
    { type: 'A', n: 2, at: 100 },
    { type: 'B', n: 9, at: 960 },
  ]);
  expect(matches.flat()).toMatchObject([{ from: instant(900), to: instant(960) }]);
  expect(document).toMatchObject({ forgotten: 0, open: [] });
});

it.each([
  ['one step', { steps: [step(A)] }, /at least two `steps`/],
  ['no time', { withinMs: 0 }, /withinMs: must be a whole number/],
  ['too many waiting', { maxOpen: 5_000 }, /maxOpen: must be a whole number/],
  ['nothing to remember', { initial: undefined }, /found needs `initial`, what is remembered.*\{\} where/],
  ['something that JSON does not know to remember', { initial: { first: NaN } }, /found\.initial\.first/],
  ['a misspelt option', { withn: 5 }, /withn: is no option/],
] as const)('%s is refused', (_, parts, message) => {
  expect(() => run(parts as never, [])).toThrow(message);
});

it.each([
  ['of no event class', () => step(undefined as never), /needs an event class/],
  ['with a misspelt option', () => step(A, { whenn: () => true } as never), /whenn: is no option/],
  ['with null for options', () => step(A, null as never), /options: must be an object, not null/],
  ['on a condition that is no function', () => step(A, { when: 3 } as never), /has a `when` that is no func/],
  [
    'that keeps what is no function',
    () => step(A, { keep: {} } as never),
    /has a `keep` that is no function/,
  ],
])('a step %s is refused', (_, make, message) => {
  expect(make).toThrow(message);
});

it.each([
  ['nothing', undefined, /options: must be an object, not undefined/],
  ['steps that are no list', { steps: 'ab' }, /needs at least two `steps`/],
  ['a step that is none', { steps: [step(A), {}] }, /needs at least two `steps`/],
  ['a misspelt option', { steps: [step(A), step(B)], withot: [step(C)] }, /withot: is no option/],
  ['one step for a list', { steps: [step(A), step(B)], without: step(C) }, /has `without` that is no list/],
  [
    'classes for steps',
    { steps: [step(A), step(B)], without: [C] },
    /has `without` that is no list of steps/,
  ],
] as const)('a pattern of %s is refused', (_, sequence, message) => {
  expect(() => pattern('found', { version: 1, withinMs: 1, initial }).find(sequence as never)).toThrow(
    message,
  );
});

it('a pattern with indexes is refused: its documents are its own', () => {
  const parts = { version: 1, withinMs: 1, initial, indexes: ['time'] };
  expect(() => pattern('found', parts as never)).toThrow(/indexes: is no option here/);
});

it.each<[string, object, object]>([
  ['`when`', { when: async () => false }, {}],
  ['`when`', {}, { when: async () => Promise.reject(new Error('no')) }],
  ['`keep`', { keep: async () => initial }, {}],
  ['`keep`', {}, { keep: async () => initial }],
])('a %s that answers later is refused: a promise would fit always', (what, first, second) => {
  const steps = [step(A, first as never), step(B, second as never)] as Sequence<Memory>['steps'];
  const happened: Happened[] = [
    { type: 'A', n: 1, at: 0 },
    { type: 'B', n: 2, at: 1 },
  ];
  expect(() => run({ steps }, happened)).toThrow(`its ${what} returned a promise, and a fold waits for`);
});
