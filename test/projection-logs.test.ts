import { LogDiverged, type EventStore, type OpenStorage, type StateStore } from '@backstory/core';
import { isInfrastructure } from '@backstory/core/state';
import { EventTypes } from '@backstory/events';
import { GenerationUnusable, projection, type Projections } from '@backstory/projection';
import { Deposited, recording } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { projectionsOn } from './support/projecting.js';

/** Sums by account; what led to each is told. */
const sums = projection('sums', {
  version: 1,
  initial: { sum: 0 },
  events: { Deposited },
  fold: {
    Deposited: ({ sum }, { amount }, _recorded, _key, emit) => {
      emit({ sum: sum + amount });
      return { sum: sum + amount };
    },
  },
});

describeEachStorage(logsAre);

function logsAre(stores: TestStorage): void {
  let log: OpenStorage;
  let state: StateStore;
  const running: Projections[] = [];
  beforeEach(async () => {
    log = await stores.opened(await stores.storage());
    ({ state } = await stores.opened(await stores.storage()));
    await recording(log.events)('1', new Deposited(1), new Deposited(2), new Deposited(4), new Deposited(8));
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });
  const known = (events: EventStore) => {
    const projections = projectionsOn({ ...log, events, state }, [sums]);
    running.push(projections);
    return projections;
  };
  const run = async (events: EventStore) => {
    const projections = known(events);
    await projections.start();
    return projections;
  };
  const head = async ({ events }: Pick<OpenStorage, 'events'>) => (await events.identity()).head;
  const dump = async (upTo: number) => {
    const pages = [];
    for await (const page of log.events.readAll({ upTo, includeSystem: true })) pages.push(page);
    return pages;
  };
  /** The log from a backup of its beginning, after which other things have happened. */
  async function restored(upTo: number, ...since: readonly number[]): Promise<OpenStorage> {
    const other = await stores.opened(await stores.storage());
    await other.events.restore(await dump(upTo));
    await recording(other.events)('1', ...since.map((amount) => new Deposited(amount)));
    return other;
  }
  async function folded(): Promise<void> {
    const before = await run(log.events);
    await before.caughtUp('sums', await head(log), IN_TIME);
    await before.close();
  }

  it('what is read is of a log that was replaced: nobody is told that it has what is in the new one', async () => {
    await folded();
    const { events } = await restored(2, 100);
    const projections = known(events);
    const asked = projections.caughtUp('sums', 3, IN_TIME);
    await expect(asked).rejects.toThrow(LogDiverged);
    await expect(asked).rejects.toThrow(/projection sums: it is log .*; rebuild it, and swap/);
    for await (const page of events.readAll({ after: 2 })) {
      const recorded = new EventTypes([Deposited]).decode(page.events[0]!);
      const results = projections
        .of(sums)
        .resultsOf(recorded, IN_TIME)
        .catch((error: unknown) => error);
      expect(await results).toBeInstanceOf(LogDiverged);
      // A subscription waits until it was rebuilt, and parks nothing.
      expect(isInfrastructure(await results)).toBe(true);
    }
    expect(await projections.status('sums')).toMatchObject({
      state: 'faulted',
      reason: expect.stringMatching(/not the one this checkpoint was taken from/),
    });
    await projections.start();
    await expect(projections.caughtUp('sums', 3, IN_TIME)).rejects.toThrow(LogDiverged);
  });

  it('a log that lost its end and grew again, under the same name, is another one', async () => {
    await folded();
    const { events: other } = await restored(2, 100, 200, 300);
    const { logId } = await log.events.identity();
    const events: EventStore = Object.assign(Object.create(other) as EventStore, {
      identity: async () => ({ ...(await other.identity()), logId }),
    });
    await expect(known(events).caughtUp('sums', 4, IN_TIME)).rejects.toThrow(/is not there at position 4/);
  });

  it('a rebuild folds the log that is there, and a swap has that read, though the other one was longer', async () => {
    await recording(log.events)('1', ...Array.from({ length: 20 }, () => new Deposited(1)));
    await folded();
    const { events } = await restored(2, 100);
    const projections = await run(events);
    const { generation } = await projections.fill('sums');
    expect(generation).toBe(2);
    expect(await projections.swap('sums')).toMatchObject({ generation: 2, was: 1, behind: 0 });
    await projections.caughtUp('sums', await head({ events }), IN_TIME);
    expect(await projections.of(sums).get('account-1')).toEqual({ sum: 103 });
    await eventually(async () => (await projections.status('sums')).state === 'live');
    await expect(projections.rollback('sums')).rejects.toThrow(/folded from another log/);
    expect(await projections.drop('sums')).toBe(1);
  });

  it('a way back to the log from before does not count the positions of the other one', async () => {
    await folded();
    const other = await restored(2, ...Array.from({ length: 20 }, () => 1));
    const there = await run(other.events);
    await there.fill('sums');
    await there.swap('sums');
    await there.close();
    expect(await known(log.events).rollback('sums')).toEqual({
      generation: 1,
      was: 2,
      position: 4,
      behind: 0,
    });
  });

  it('what was being filled from the other log is not gone on with, and does not take its place', async () => {
    await folded();
    await known(log.events).fill('sums');
    const { events } = await restored(2, 100);
    const projections = known(events);
    await expect(projections.filled('sums', 2)).rejects.toThrow(GenerationUnusable);
    await expect(projections.swap('sums')).rejects.toThrow(/generation 2: it was folded from another log/);
    const asked = [projections, known(events)].map((it) => it.rebuild('sums'));
    expect(await Promise.all(asked)).toEqual([3, 3]);
    expect(await projections.fill('sums')).toMatchObject({ generation: 3, documents: 1, events: 3 });
    expect(await projections.swap('sums')).toMatchObject({ generation: 3, was: 1 });
    expect(await projections.of(sums).get('account-1')).toEqual({ sum: 103 });
  });
}
