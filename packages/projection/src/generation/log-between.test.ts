import { Recorder, memory, type EventStore, type OpenStorage, type StoredEvent } from '@backstory/core';
import { DomainEvent, EventTypes } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { modelOf } from '../definition/projection-source.js';
import type { ProjectionModel } from '../definition/projection-model.js';
import { LogBetween } from './log-between.js';

function between(lengths: readonly number[]): LogBetween {
  const stored = lengths.map((length, i) => ({ position: i + 1, data: 'x'.repeat(length) }) as StoredEvent);
  const events = {
    identity: () => Promise.resolve({ head: stored.length }),
    async *readAll() {
      yield { events: stored, through: stored.length };
    },
  } as unknown as EventStore;
  return new LogBetween({ events, model: { typeNames: ['a'] } as unknown as ProjectionModel });
}

it('more of the log than may be held is not, and is read again where it is needed', async () => {
  const little = between([1, 1]);
  await little.load(0);
  expect(little.isTooLong).toBe(false);
  expect(little.covers({ after: 0, upTo: 2 })).toBe(true);
  const much = between([17 * 2 ** 20, 17 * 2 ** 20]);
  await much.load(0);
  expect(much.isTooLong).toBe(true);
  expect(much.covers({ after: 0, upTo: 2 })).toBe(false);
});

@DomainEvent('thing.counted')
class Counted {
  constructor(readonly n: number) {}
}

describe('of a log of ten events, two by two of five streams,', () => {
  const counts = projection('counts', {
    version: 1,
    initial: { n: 0 },
    events: { Counted },
    fold: { Counted: (_, { n }) => ({ n }) },
  });
  const model = modelOf(counts) as ProjectionModel;
  const folding = { model, side: 1, most: 10 };
  let storage: OpenStorage;
  let log: LogBetween;
  beforeEach(async () => {
    storage = await memory().open();
    log = new LogBetween({ events: storage.events, model });
    for (let n = 1; n <= 10; n++) await recordOne(n);
  });
  afterEach(() => storage.close());

  async function recordOne(n: number, stream = `thing-${Math.ceil(n / 2)}`): Promise<void> {
    const events = [new EventTypes([Counted]).encode(new Counted(n))];
    await new Recorder(storage.events, { source: 'test' }).record([{ stream, expected: 'any', events }]);
  }
  async function positions(after: number, upTo: number): Promise<number[]> {
    const found: number[] = [];
    for await (const page of log.pages({ after, upTo })) found.push(...page.map(({ position }) => position));
    return found;
  }

  it.each([
    ['further on', [2, 5], 5],
    ['further back, as after a roll-back', [5, 2], 2],
    ['back and forth', [5, 2, 8, 0], 0],
    ['twice from where it ends', [10, 10, 3], 3],
  ])('every event is held once that is read %s', async (_, loads, after) => {
    for (const from of loads) await log.load(from);
    expect(log.covers({ after, upTo: 10 })).toBe(true);
    expect(await positions(after, 10)).toEqual(Array.from({ length: 10 - after }, (_it, i) => after + 1 + i));
  });

  it('what has come meanwhile is read with the rest, and nothing twice', async () => {
    await log.load(7);
    await recordOne(11);
    await recordOne(12);
    await log.load(7);
    expect(await positions(7, 12)).toEqual([8, 9, 10, 11, 12]);
  });

  it('documents that only a later event has changed are not taken for folded', async () => {
    await log.load(8);
    await log.foldBefore(8, folding);
    expect(await log.hasBefore({ after: 8, upTo: 10 })).toBe(true);
    await recordOne(11, 'thing-1');
    await log.load(8);
    expect(await log.hasBefore({ after: 8, upTo: 11 })).toBe(false);
    const before = await log.textsBefore({ after: 8, upTo: 11 }, folding);
    expect([...before]).toEqual([
      ['thing-5', undefined],
      ['thing-1', '{"n":2}'],
    ]);
    await log.foldBefore(8, folding);
    expect(await log.hasBefore({ after: 8, upTo: 11 })).toBe(true);
  });
});
