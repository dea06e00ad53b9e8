import {
  Aggregate,
  EventSourcedAggregate,
  decider,
  modelOf,
  type AggregateModel,
} from '@backstory/aggregate';
import type { EventStore } from '@backstory/core';
import type { FoldableEvent } from '@backstory/core/administration';
import { DomainEvent, EventHandler, type Class } from '@backstory/events';
import fc from 'fast-check';
import { digestsOf } from './digest.js';
import { foldTrail, type TrailStep } from './trail.js';

type Change = readonly [what: 'set' | 'deep' | 'gone' | 'count' | 'fail', name: string, n: number];

/** Several changes at once, as an event of a real application makes them. */
@DomainEvent('thing.changed')
class Changed {
  constructor(readonly changes: readonly Change[]) {}
}

type Fields = Record<string, unknown>;

/** Changes properties in place, or replaces what they hold. */
function change(fields: Fields, [what, name, n]: Change): void {
  if (what === 'fail') throw new Error('no');
  if (what === 'gone') delete fields[name];
  if (what === 'set') fields[name] = n % 3 ? n : { n, list: [n, { n }] };
  if (what === 'count') fields['total'] = Number(fields['total']) + n;
  const held = fields[name] as { n?: number; list?: unknown[] } | number | undefined;
  if (what !== 'deep' || typeof held !== 'object') return;
  held.n = n;
  held.list?.push(n);
}

@Aggregate('thing')
class Thing extends EventSourcedAggregate {
  total = 0;
  [field: string]: unknown;
  @EventHandler(Changed) protected changed({ changes }: Changed) {
    for (const it of changes) change(this, it);
  }
}

const Decided = decider('thing', {
  initial: { total: 0 },
  events: { changed: Changed },
  decide: {},
  evolve: {
    changed: (state, { changes }: Changed) => {
      const next = structuredClone(state);
      for (const it of changes) change(next, it);
      return next;
    },
  },
}) as unknown as Class<EventSourcedAggregate>;

const aChange: fc.Arbitrary<Change> = fc.tuple(
  fc.constantFrom('set', 'deep', 'gone', 'count'),
  fc.constantFrom('a', 'b', 'impure', 'steps', '7', 'toString2'),
  fc.nat(9),
);

function eventsOf(changes: readonly (readonly Change[])[]): FoldableEvent[] {
  return changes.map((it, i) => ({
    stream: 'thing-1',
    version: i + 1,
    position: i + 1,
    type: 'thing.changed',
    schemaVersion: 1,
    data: JSON.stringify({ changes: it }),
  }));
}

/** What a trail is, by folding the stream anew for each version and looking at all of it. */
function naive(model: AggregateModel<object>, events: readonly FoldableEvent[]): TrailStep[] {
  const steps: TrailStep[] = [];
  let before: Readonly<Record<string, string>> = {};
  for (let version = 0; version <= events.length; version++) {
    const instance = model.create('1');
    model.fold(instance, events.slice(0, version));
    const now = digestsOf(model.state(instance));
    const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    const changed = names.filter((name) => before[name] !== now[name]);
    if (version === 0 || changed.length > 0)
      steps.push([version, Object.fromEntries(changed.map((name) => [name, now[name] ?? null]))]);
    before = now;
  }
  return steps;
}

describe.each([
  ['a class', Thing as unknown as Class<EventSourcedAggregate>],
  ['a decider', Decided],
])('the trail of %s', (_, cls) => {
  const source = { events: {} as EventStore, aggregates: [cls] };
  const model = modelOf(cls);
  const trailOf = (events: readonly FoldableEvent[], isLastOnly = false) =>
    foldTrail(source, { stream: 'thing-1', version: events.length, events, isLastOnly });

  test('is what folding anew for each version gives', async () => {
    const some = fc.array(fc.array(aChange, { maxLength: 5 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(some, async (changes) => {
        const events = eventsOf(changes);
        const expected = naive(model, events);
        expect(await trailOf(events)).toEqual({ stream: 'thing-1', version: events.length, steps: expected });
        const last = expected.reduce((all, [, fields]) => ({ ...all, ...fields }), {});
        const there = Object.fromEntries(Object.entries(last).filter(([, digest]) => digest !== null));
        expect((await trailOf(events, true)).steps).toEqual([[events.length, there]]);
      }),
      { numRuns: 300 },
    );
  });

  test('ends before the event that cannot be folded', async () => {
    const events = eventsOf([[['set', 'a', 1]], [['count', 'a', 2], ['fail', 'a', 0]], [['set', 'b', 1]]]); // prettier-ignore
    expect(await trailOf(events)).toMatchObject({
      version: 1,
      steps: naive(model, events.slice(0, 1)),
      failed: { version: 2, type: 'thing.changed', code: 'BACKSTORY_FOLD_FAILED' },
    });
  });
});
