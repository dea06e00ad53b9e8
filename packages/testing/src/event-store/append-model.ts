import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BackstoryError, deriveId, type AppendResult, type EventStore, type Write } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import type { EventStoreHarness } from '../event-store-harness.js';
import { event, wholeLog } from './draft.js';
import type { Case } from './harness-parts.js';

/** Random appends in random batches of one moment: new ones, repeated ones, conflicting ones, ones with re-used ids. */
export const appendModelCases: readonly Case[] = [
  {
    name: 'random batches of appends of one moment end as they do in the memory store, append by append',
    async run(harness) {
      const run = fc.asyncProperty(batches(harness), async (rounds) => {
        await agree(harness, await harness.open(), rounds);
      });
      const { seed } = harness;
      await fc.assert(run, { numRuns: 25, ...(seed !== undefined && { seed }) });
    },
  },
];

/** Small numbers, so that streams and ids collide often. */
interface AppendPlan {
  readonly writes: readonly (readonly [stream: number, expected: number, ids: readonly number[]])[];
  /** Send what an earlier plan said instead. */
  readonly repeat: number | undefined;
}

function batches({ capabilities }: EventStoreHarness): fc.Arbitrary<Write[][][]> {
  const ids = fc.array(fc.nat(60), { minLength: 1, maxLength: 3 });
  const one = fc.tuple(fc.nat(2), fc.integer({ min: -3, max: 6 }), ids);
  const plan: fc.Arbitrary<AppendPlan> = fc.record({
    writes: fc.array(one, { minLength: 1, maxLength: capabilities.multiStreamAppends ? 2 : 1 }),
    repeat: fc.option(fc.nat(30), { nil: undefined, freq: 4 }),
  });
  const rounds = fc.array(fc.array(plan, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 });
  return rounds.map((plans) => {
    const sent: Write[][] = [];
    return plans.map((round) =>
      round.map(({ writes, repeat }) => {
        const append = (repeat !== undefined && sent[repeat % (sent.length || 1)]) || writes.map(writeOf);
        sent.push(append);
        return append;
      }),
    );
  });
}

function writeOf([stream, expected, ids]: AppendPlan['writes'][number]): Write {
  const named = (['any', 'exists', 'none'] as const)[-expected - 1];
  const events = ids.map((n) => event({ id: deriveId('append-model', n) }));
  return { stream: `s-${stream}`, expected: named ?? expected, events };
}

async function agree(
  { capabilities }: EventStoreHarness,
  store: EventStore,
  rounds: readonly Write[][][],
): Promise<void> {
  const oracle = new MemoryEventStore();
  const place = (position: number) => (capabilities.densePositions ? position : undefined);
  for (const round of rounds) {
    const outcomes = await Promise.all(round.map((append) => outcomeOf(store.append(append), place)));
    const expected = await Promise.all(round.map((append) => outcomeOf(oracle.append(append), place)));
    assert.deepEqual(outcomes, expected);
  }
  const told = async (of: EventStore) =>
    (await wholeLog(of)).map(({ position, recordedAt: _, ...rest }) => ({
      ...rest,
      position: place(position),
    }));
  assert.deepEqual(await told(store), await told(oracle));
}

async function outcomeOf(
  append: Promise<AppendResult>,
  place: (position: number) => number | undefined,
): Promise<unknown> {
  try {
    const { appendId, repeated, position, writes } = await append;
    const told = writes.map((one) => ({ ...one, position: place(one.position) }));
    return { appendId, repeated, position: place(position), writes: told };
  } catch (error) {
    if (!(error instanceof BackstoryError)) throw error;
    return { code: error.code, ...error.facts };
  }
}
