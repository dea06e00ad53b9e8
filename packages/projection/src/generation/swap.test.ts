import { Recorder, memory, type EventStore, type OpenStorage } from '@backstory/core';
import type { Checkpoint } from '@backstory/core/store';
import { DomainEvent, EventTypes } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { modelOf } from '../definition/projection-source.js';
import { readControl } from './control.js';
import { placesOf } from './places.js';
import { writeProgress } from './progress.js';
import { begin, register, withNew } from './register.js';
import { rollBack, swap } from './swap.js';

@DomainEvent('thing.counted')
class Counted {}

const NAME = 'counts';
const model = modelOf(
  projection(NAME, {
    version: 1,
    initial: { count: 0 },
    events: { Counted },
    fold: { Counted: ({ count }) => ({ count: count + 1 }) },
  }),
);

let storage: OpenStorage;
beforeEach(async () => {
  storage = await memory().open();
  const events = [1, 2, 3].map(() => new EventTypes([Counted]).encode(new Counted()));
  await new Recorder(storage.events, { source: 'test' }).record([
    { stream: 'thing-1', expected: 'any', events },
  ]);
  // One is read and two are being filled.
  await register(storage.state, model);
  for (let i = 0; i < 2; i++)
    await storage.state.transaction([], async (tx) => {
      await begin(tx, NAME, withNew((await readControl(tx, NAME))!, model));
    });
});
afterEach(() => storage.close());

const live = async () => (await storage.state.read((view) => readControl(view, NAME)))!.live;

/** Has a generation be as far as a position, of this log or of another one. */
async function reaches(generation: number, through: number, from: Partial<Checkpoint> = {}): Promise<void> {
  const { logId, epoch } = await storage.events.identity();
  const checkpoint = { logId, epoch, through, ...from };
  const progress = { checkpoint, events: through, documents: 1, rate: 0, savedAt: new Date().toISOString() };
  await storage.state.transaction([], (tx) => writeProgress(tx, placesOf(NAME), { ...progress, generation }));
}

/** Stores in which something happens once after the state was read to plan a swap, and before it is swapped. */
function inBetween(happens: () => Promise<unknown>) {
  let isDue = true;
  const { events, state } = storage;
  const watched: EventStore = Object.assign(Object.create(events) as EventStore, {
    identity: async () => {
      if (isDue) {
        isDue = false;
        await happens();
      }
      return events.identity();
    },
  });
  return { events: watched, state };
}

it('when another one is swapped in meanwhile, it takes the place of that one, and says so', async () => {
  for (const generation of [1, 2, 3]) await reaches(generation, 3);
  const stores = inBetween(() => swap(storage, NAME, { generation: 3 }));
  expect(await swap(stores, NAME, { generation: 2 })).toMatchObject({ generation: 2, was: 3 });
  expect(await live()).toBe(2);
});

it('when one that is further is swapped in meanwhile for one of another log, nobody who reads goes back in time', async () => {
  await reaches(1, 3, { logId: 'another' });
  await reaches(2, 1);
  await reaches(3, 3);
  const stores = inBetween(() => swap(storage, NAME, { generation: 3 }));
  await expect(swap(stores, NAME, { generation: 2 })).rejects.toThrow(
    /it is at position 1, and what is read is at 3/,
  );
  expect(await live()).toBe(3);
});

it('when it is swapped in meanwhile by somebody else, there is nothing more to do, which is told', async () => {
  for (const generation of [1, 2, 3]) await reaches(generation, 3);
  const stores = inBetween(() => swap(storage, NAME, { generation: 2 }));
  await expect(swap(stores, NAME, { generation: 2 })).rejects.toThrow(/it is read already/);
});

it('when another one is swapped in meanwhile, the way back leads to what was read before that', async () => {
  for (const generation of [1, 2, 3]) await reaches(generation, 3);
  await swap(storage, NAME, { generation: 2 });
  const stores = inBetween(() => swap(storage, NAME, { generation: 3 }));
  expect(await rollBack(stores, NAME)).toMatchObject({ generation: 2, was: 3 });
  expect(await live()).toBe(2);
});
