import assert from 'node:assert/strict';
import type { AppendResult, EventStore, StoredEvent } from '@backstory/core';
import { event, events, refused, wholeLog, write, writesNothing } from './draft.js';
import { oneStreamOnly, turn, type Case } from './harness-parts.js';

/** 2. All or nothing. */
export const allOrNothingCases: readonly Case[] = [
  {
    name: 'an append to several streams is recorded whole, in one piece, at one time',
    unless: oneStreamOnly,
    async run(harness) {
      const store = await harness.open();
      await store.append([write('b-1', 'none')]);
      const given = [write('a-1', 'none', ...events(2)), write('b-1', 1, ...events(3))];
      const result = await store.append(given);
      const log = await wholeLog(store);
      assert.deepEqual(
        log.slice(1).map(({ id, stream, version }) => [id, stream, version]),
        [
          [given[0]!.events[0]!.id, 'a-1', 1],
          [given[0]!.events[1]!.id, 'a-1', 2],
          [given[1]!.events[0]!.id, 'b-1', 2],
          [given[1]!.events[1]!.id, 'b-1', 3],
          [given[1]!.events[2]!.id, 'b-1', 4],
        ],
      );
      assertTells(result, log.slice(1), harness.capabilities.densePositions);
    },
  },
  {
    name: 'a conflict in the last write leaves nothing of the writes before it',
    unless: oneStreamOnly,
    async run(harness) {
      const store = await harness.open();
      await store.append([write('c-1', 'none')]);
      const [a, b, c] = [event(), event(), event()];
      await writesNothing(store, () =>
        refused(
          store.append([write('a-1', 'none', a), write('b-1', 'none', b), write('c-1', 'none', c)]),
          'BACKSTORY_VERSION_CONFLICT',
          { stream: 'c-1', actual: 1 },
        ),
      );
      const corrected = await store.append([
        write('a-1', 'none', a),
        write('b-1', 'none', b),
        write('c-1', 1, c),
      ]);
      assert.equal(corrected.repeated, false);
    },
  },
  {
    name: 'an id that was used before in the last write leaves nothing of the writes before it',
    unless: oneStreamOnly,
    async run(harness) {
      const store = await harness.open();
      const used = event();
      await store.append([write('c-1', 'none', used)]);
      await writesNothing(store, () =>
        refused(store.append([write('a-1', 'none'), write('c-1', 1, used)]), 'BACKSTORY_EVENT_ID_REUSED', {
          eventId: used.id,
          stream: 'c-1',
        }),
      );
    },
  },
  {
    name: 'bad input in the last event leaves nothing of the events before it',
    async run(harness) {
      const store = await harness.open();
      const good = event();
      await writesNothing(store, () =>
        refused(store.append([write('a-1', 'none', good, event({ data: '{' }))]), 'BACKSTORY_INVALID_APPEND'),
      );
      const { repeated } = await store.append([write('a-1', 'none', good)]);
      assert.equal(repeated, false);
    },
  },
  {
    name: 'nobody ever reads a part of an append',
    async run(harness) {
      const store = await harness.open();
      const appends = Array.from({ length: 30 }, (_, i) => events(4, { correlationId: `append-${i}` }));
      let writing = true;
      const written = Promise.all(
        appends.map(async (given, i) => {
          for (let turns = 0; turns < i; turns++) await turn();
          await store.append([write(`a-${i % 3}`, 'any', ...given)]);
        }),
      ).finally(() => (writing = false));
      written.catch(() => undefined); // awaited below
      do {
        await assertWhole(store);
        await turn();
      } while (writing);
      await written;
      assert.equal((await wholeLog(store)).length, 120);
    },
  },
];

function assertTells(result: AppendResult, recorded: readonly StoredEvent[], dense: boolean): void {
  const last = (stream: string) => recorded.filter((it) => it.stream === stream).at(-1)!;
  const of = ({ stream, version, position }: StoredEvent) => ({ stream, version, position });
  assert.deepEqual(result, {
    appendId: recorded[0]!.id,
    position: recorded.at(-1)!.position,
    recordedAt: recorded[0]!.recordedAt,
    repeated: false,
    writes: [of(last('a-1')), of(last('b-1'))],
  });
  assert.equal(new Set(recorded.map(({ recordedAt }) => recordedAt.getTime())).size, 1);
  if (dense)
    assert.deepEqual(
      recorded.map(({ position }) => position),
      [2, 3, 4, 5, 6],
    );
}

async function assertWhole(store: EventStore): Promise<void> {
  const counts = new Map<string, number>();
  for (const { metadata } of await wholeLog(store)) {
    const { correlationId } = JSON.parse(metadata) as { correlationId: string };
    counts.set(correlationId, (counts.get(correlationId) ?? 0) + 1);
  }
  assert.deepEqual(
    [...counts].filter(([, count]) => count !== 4),
    [],
  );
}
