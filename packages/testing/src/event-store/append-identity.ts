import assert from 'node:assert/strict';
import type { StampedEvent, Write } from '@backstory/core';
import { event, events, refused, wholeLog, write, writesNothing } from './draft.js';
import { noSecondConnection, notDurable, oneStreamOnly, reopened, type Case } from './harness-parts.js';

/** Three events that are in the log, then an append that resembles theirs and is not a repetition. */
interface Resemblance {
  readonly name: string;
  readonly again: (recorded: readonly StampedEvent[]) => readonly Write[];
  /** Which of the recorded ids is named. */
  readonly names: number;
  readonly severalStreams?: true;
}

const RESEMBLANCES: readonly Resemblance[] = [
  {
    name: 'the first events of a recorded append alone',
    again: ([a, b]) => [write('a-1', 'any', a!, b!)],
    names: 0,
  },
  {
    name: 'a recorded append with one event more',
    again: (all) => [write('a-1', 'any', ...all, event())],
    names: 0,
  },
  { name: 'the same events in another stream', again: (all) => [write('a-2', 'any', ...all)], names: 0 },
  {
    name: 'the same events with the last two exchanged',
    again: ([a, b, c]) => [write('a-1', 'any', a!, c!, b!)],
    names: 0,
  },
  {
    name: 'the same events backwards',
    again: (all) => [write('a-1', 'any', ...[...all].reverse())],
    names: 2,
  },
  {
    name: 'the last events of a recorded append alone',
    again: ([, b, c]) => [write('a-1', 'any', b!, c!)],
    names: 1,
  },
  {
    name: 'a new event followed by a recorded one',
    again: ([, b]) => [write('a-1', 'any', event(), b!)],
    names: 1,
  },
  {
    name: 'a recorded event followed by a new one',
    again: ([a]) => [write('a-1', 'any', a!, event())],
    names: 0,
  },
  {
    name: 'the same events split over two streams',
    again: ([a, b, c]) => [write('a-1', 'any', a!, b!), write('a-2', 'any', c!)],
    names: 0,
    severalStreams: true,
  },
  {
    name: 'the same events and another write',
    again: (all) => [write('a-1', 'any', ...all), write('a-2', 'any')],
    names: 0,
    severalStreams: true,
  },
];

/** 5. A repeated append returns the first result. */
export const appendIdentityCases: readonly Case[] = [
  {
    name: 'an append sent again returns the first result, marked as repeated, and records nothing',
    async run(harness) {
      const store = await harness.open();
      const append = [write('a-1', 'none', ...events(3))];
      const first = await store.append(append);
      assert.deepEqual([first.repeated, first.appendId], [false, append[0]!.events[0]!.id]);
      await writesNothing(store, async () => {
        assert.deepEqual(await store.append(append), { ...first, repeated: true });
        assert.deepEqual(await store.append(append), { ...first, repeated: true });
      });
      assert.equal((await wholeLog(store)).length, 3);
    },
  },
  {
    name: 'a repeated append returns the first result after the stream has moved on',
    async run(harness) {
      const store = await harness.open();
      const append = [write('a-1', 'none', event())];
      const first = await store.append(append);
      await store.append([write('a-1', 1, ...events(3))]);
      await writesNothing(store, async () =>
        assert.deepEqual(await store.append(append), { ...first, repeated: true }),
      );
      const next = await store.append([write('a-1', 4)]);
      assert.equal(next.writes[0]?.version, 5);
    },
  },
  {
    name: 'a repeated append is known by its ids: other data and another expectation change nothing',
    async run(harness) {
      const store = await harness.open();
      const given = event({ data: '{"first":true}' });
      const first = await store.append([write('a-1', 'none', given)]);
      const other = event({ id: given.id, type: 'other', data: '{"second":true}', schemaVersion: 9 });
      const again = await store.append([write('a-1', 99, other)]);
      assert.deepEqual(again, { ...first, repeated: true });
      assert.deepEqual(
        (await wholeLog(store)).map(({ type, data }) => [type, data]),
        [['thing.happened', '{"first":true}']],
      );
    },
  },
  {
    name: 'an append to several streams sent again returns the first result',
    unless: oneStreamOnly,
    async run(harness) {
      const store = await harness.open();
      const append = [write('b-1', 'none', ...events(2)), write('a-1', 'none')];
      const first = await store.append(append);
      assert.equal(first.repeated, false);
      await store.append([write('a-1', 'exists'), write('b-1', 'exists')]);
      assert.deepEqual(await store.append(append), { ...first, repeated: true });
      assert.deepEqual(
        first.writes.map(({ stream, version }) => [stream, version]),
        [
          ['b-1', 2],
          ['a-1', 1],
        ],
      );
    },
  },
  {
    name: 'the writes of a recorded append in another order are not a repetition',
    unless: oneStreamOnly,
    async run(harness) {
      const store = await harness.open();
      const [a, b] = [write('a-1', 'none'), write('b-1', 'none')];
      await store.append([a, b]);
      await writesNothing(store, () =>
        refused(store.append([b, a]), 'BACKSTORY_EVENT_ID_REUSED', {
          eventId: b.events[0]!.id,
          stream: 'b-1',
        }),
      );
    },
  },
  {
    name: 'one append sent many times in one moment is recorded once and answered alike',
    async run(harness) {
      const store = await harness.open();
      const append = [write('a-1', 'none', ...events(2))];
      const results = await Promise.all(Array.from({ length: 10 }, () => store.append(append)));
      const firsts = results.filter(({ repeated }) => !repeated);
      assert.equal(firsts.length, 1);
      for (const result of results) assert.deepEqual({ ...result, repeated: false }, firsts[0]);
      assert.equal((await wholeLog(store)).length, 2);
    },
  },
  {
    name: 'of two appends that share an id in one moment the first is recorded and the other refused',
    async run(harness) {
      const store = await harness.open();
      const shared = event();
      const [first, second] = await Promise.allSettled([
        store.append([write('a-1', 'none', shared)]),
        store.append([write('b-1', 'none', event(), shared)]),
      ]);
      assert.equal(first.status, 'fulfilled');
      const refusal =
        second.status === 'rejected' ? Promise.reject(second.reason as Error) : Promise.resolve();
      await refused(refusal, 'BACKSTORY_EVENT_ID_REUSED', { eventId: shared.id, stream: 'b-1' });
      assert.equal((await wholeLog(store)).length, 1);
    },
  },
  {
    name: 'an append that was refused leaves its ids free',
    async run(harness) {
      const store = await harness.open();
      const given = events(2);
      await refused(store.append([write('a-1', 1, ...given)]), 'BACKSTORY_VERSION_CONFLICT');
      assert.equal((await store.append([write('a-1', 'none', ...given)])).repeated, false);
    },
  },
  {
    name: 'an append sent again after a reopening returns the first result',
    unless: notDurable,
    async run(harness) {
      const store = await harness.open();
      const append = [write('a-1', 'none', ...events(2))];
      const first = await store.append(append);
      await store.append([write('a-1', 2)]);
      const again = await reopened(harness, store);
      assert.deepEqual(await again.append(append), { ...first, repeated: true });
      await refused(again.append([write('b-1', 'none', append[0]!.events[1]!)]), 'BACKSTORY_EVENT_ID_REUSED');
      assert.equal((await wholeLog(again)).length, 3);
    },
  },
  {
    name: 'an append sent again over another connection returns the first result',
    unless: noSecondConnection,
    async run(harness) {
      const store = await harness.open();
      const other = await harness.openAnother!(store);
      const append = [write('a-1', 'none', ...events(2))];
      const [one, two] = await Promise.all([store.append(append), other.append(append)]);
      assert.deepEqual({ ...one, repeated: true }, { ...two, repeated: true });
      assert.deepEqual([one.repeated, two.repeated].sort(), [false, true]);
      assert.equal((await wholeLog(store)).length, 2);
    },
  },
  ...RESEMBLANCES.map(resemblanceCase),
];

function resemblanceCase({ name, again, names, severalStreams }: Resemblance): Case {
  return {
    name: `no repetition but a re-used id: ${name}`,
    ...(severalStreams && { unless: oneStreamOnly }),
    async run(harness) {
      const store = await harness.open();
      const recorded = events(3);
      await store.append([write('a-1', 'none', ...recorded)]);
      await store.append([write('a-2', 'none')]);
      const writes = again(recorded);
      const eventId = recorded[names]!.id;
      const { stream } = writes.find((one) => one.events.some(({ id }) => id === eventId))!;
      await writesNothing(store, () =>
        refused(store.append(writes), 'BACKSTORY_EVENT_ID_REUSED', { eventId, stream }),
      );
    },
  };
}
