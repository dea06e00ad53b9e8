import { Recorder, memory, type EventStore, type OpenStorage } from '@backstory/core';
import type { Checkpoint } from '@backstory/core/store';
import { DomainEvent, EventTypes } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { modelOf } from '../definition/projection-source.js';
import { readControl, withGeneration, writeControl } from './control.js';
import { eventually } from '../../../../test/support/eventually.js';
import { HeldMeeting } from './meet.js';
import { placesOf } from './places.js';
import { writeProgress } from './progress.js';
import { begin, register, withNew } from './register.js';
import { rollBack, swap, swapWhenReady } from './swap.js';

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

/** Appends events of others, and of its own. */
async function more(...types: readonly ('thing.counted' | 'thing.other')[]): Promise<void> {
  const events = types.map((type) => ({ type, data: '{}', metadata: {} }));
  const write = { stream: 'thing-2', expected: 'any', events } as const;
  await new Recorder(storage.events, { source: 'test' }).record([write]);
}

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

it('when what is read has gone on meanwhile, nobody who reads goes back in time', async () => {
  for (const generation of [1, 2]) await reaches(generation, 3);
  const stores = inBetween(async () => {
    await more('thing.counted');
    await reaches(1, 4);
  });
  await expect(swap(stores, NAME, { generation: 2 })).rejects.toThrow(
    /it is at position 3, and what is read is at 4/,
  );
  expect(await live()).toBe(1);
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

it('one that is to take the place of another by itself does so no more once that is not wanted', async () => {
  for (const generation of [1, 2, 3]) await reaches(generation, 3);
  expect([await swapWhenReady(storage, NAME, 2), await live()]).toEqual([false, 1]);
  await storage.state.transaction([], async (tx) => {
    const control = (await readControl(tx, NAME))!;
    await writeControl(tx, NAME, withGeneration(control, { ...control.generations[1]!, swaps: true }));
  });
  expect([await swapWhenReady(storage, NAME, 2), await live()]).toEqual([true, 2]);
});

it('once it is swapped in nothing waits any more for those that were to meet, whoever had asked for it', async () => {
  for (const generation of [1, 2, 3]) await reaches(generation, 3);
  const meeting = new HeldMeeting(storage.state, NAME, { generation: 2, least: 3 });
  await meeting.hold();
  await swap(storage, NAME, { generation: 2 });
  expect(await storage.state.read((view) => readControl(view, NAME))).not.toHaveProperty('meeting');
  await meeting.end();
});

it('on the way back it says how many positions lie after the first of its own events that are missing, and never those of others', async () => {
  for (const generation of [1, 2, 3]) await reaches(generation, 3);
  await swap(storage, NAME, { generation: 2 });
  await more('thing.other', 'thing.other');
  await reaches(2, 5);
  expect(await rollBack(storage, NAME)).toMatchObject({ generation: 1, was: 2, position: 3, behind: 0 });
  await more('thing.counted', 'thing.other');
  await reaches(1, 7);
  expect(await rollBack(storage, NAME)).toMatchObject({ generation: 2, was: 1, position: 5, behind: 2 });
});

it('what waits for one that is all but there is told once to, for as long as whoever swaps holds that, and of one who dies three seconds at most', async () => {
  await reaches(1, 3);
  await reaches(2, 1);
  await storage.state.acquire(placesOf(NAME).lease(2), { owner: 'me', ttlMs: 60_000 });
  const swapping = swap(storage, NAME, { generation: 2 });
  const meeting = async () => (await storage.state.read((view) => readControl(view, NAME)))!.meeting;
  const lease = async () => (await storage.state.leases(placesOf(NAME).meeting))[0];
  const first = await eventually(meeting);
  const { expiresAt, token, ttlMs } = (await lease())!;
  expect([first, ttlMs]).toEqual([{ position: 3, token }, 3_000]);
  const transactions = jest.spyOn(storage.state, 'transaction');
  await eventually(async () => (await lease())!.expiresAt > expiresAt);
  expect([transactions.mock.calls, await meeting()]).toEqual([[], first]);
  await reaches(2, 3);
  expect(await swapping).toMatchObject({ generation: 2, was: 1, behind: 0 });
  expect([await meeting(), await lease()]).toEqual([undefined, undefined]);
});

it('once a swap is refused nothing waits any more', async () => {
  await reaches(1, 3);
  await reaches(2, 1);
  await storage.state.acquire(placesOf(NAME).lease(2), { owner: 'me', ttlMs: 60_000 });
  await expect(swap(storage, NAME, { generation: 2, comingMs: 1 })).rejects.toThrow(/it is at position 1/);
  expect(await storage.state.read((view) => readControl(view, NAME))).not.toHaveProperty('meeting');
});
