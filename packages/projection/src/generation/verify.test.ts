import { Recorder, memory, type EventStore, type OpenStorage } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import { DomainEvent, EventTypes } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { modelOf } from '../definition/projection-source.js';
import type { ProjectionModel } from '../definition/projection-model.js';
import { Projections } from '../projections.js';
import { resultKey } from '../results/result-rows.js';
import { placesOf } from './places.js';
import { readProgress, writeProgress } from './progress.js';
import { verifyWithLog } from './verify-with-log.js';

@DomainEvent('thing.counted')
class Counted {
  constructor(readonly n: number) {}
}

/** Every event leads to a result; a version may see a number as another one. */
const tellers = (version: number, seen: (n: number) => number = (n) => n) =>
  projection('tellers', {
    version,
    initial: { count: 0 },
    events: { Counted },
    fold: {
      Counted: ({ count }, { n }, _recorded, _key, emit) => {
        emit({ n: seen(n) });
        return { count: count + 1 };
      },
    },
  });

let storage: OpenStorage;
const running: Projections[] = [];
beforeEach(async () => {
  storage = await memory().open();
  await record(1, 2);
});
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
  await storage.close();
});

const recorder = () => new Recorder(storage.events, { source: 'test' });
async function record(...numbers: number[]): Promise<void> {
  const events = numbers.map((n) => new EventTypes([Counted]).encode(new Counted(n)));
  await recorder().record([{ stream: 'thing-1', expected: 'any', events }]);
}

function known(source: ReturnType<typeof tellers>): Projections {
  const projections = new Projections({ ...storage, recorder: recorder() });
  projections.declare(source);
  running.push(projections);
  return projections;
}

async function run(source: ReturnType<typeof tellers>): Promise<Projections> {
  const projections = known(source);
  await projections.start();
  return projections;
}

/** What version 1 has made of two events is read, and `source` has filled another generation with four. */
async function twoFurther(source: ReturnType<typeof tellers>): Promise<Projections> {
  const first = await run(tellers(1));
  await first.caughtUp('tellers', 2);
  await first.close();
  await record(3, 4);
  const second = await run(source);
  await second.filled('tellers', 2);
  return second;
}

it('results of events that only one of the two has folded are no difference', async () => {
  const second = await twoFurther(tellers(2));
  expect(await second.named('tellers').results('thing-1')).toHaveLength(2);
  expect(await second.verify('tellers')).toMatchObject({ isEqual: true, position: 2, different: 0 });
});

it('results of events that both have folded are compared, and called by their document and event', async () => {
  const second = await twoFurther(tellers(2, (n) => (n === 2 ? 20 : n)));
  expect(await second.verify('tellers')).toMatchObject({
    ...{ isEqual: false, position: 2, different: 1 },
    differences: [{ key: 'thing-1, result 1 of position 2', path: 'n', live: 2, other: 20 }],
  });
});

it('results of the one that is behind are those that it would have', async () => {
  const first = await run(tellers(1));
  await first.caughtUp('tellers', 2);
  await first.close();
  const tool = known(tellers(1));
  await tool.rebuild('tellers');
  expect(await tool.verify('tellers')).toMatchObject({ isEqual: true, position: 2, different: 0 });
});

describe('with the log, results', () => {
  async function changed(change: (tx: StateTransaction, results: string, row: string) => Promise<void>) {
    const projections = await run(tellers(1));
    await projections.caughtUp('tellers', 2);
    const results = placesOf('tellers').results(1);
    const [first] = await storage.state.read((view) => view.list(results, { limit: 1 }));
    await storage.state.transaction([], (tx) => change(tx, results, first!.key));
    return projections.verifyWithLog('tellers');
  }
  const put = (row: string) => (tx: StateTransaction, results: string) => tx.put(results, row, '{"n":1}');

  it('that are as the log gives them are no difference', async () => {
    await record(3, 4);
    const projections = await run(tellers(1));
    await projections.caughtUp('tellers', 4);
    expect(await projections.verifyWithLog('tellers')).toMatchObject({ isEqual: true, documents: 1 });
  });

  it.each([
    ['that are missing', (tx, results, row) => tx.delete(results, row), { path: 'count', live: 1, other: 2 }],
    ['that are others', (tx, results, row) => tx.put(results, row, '{"n":5}'), { path: 'sha256' }],
    ['that are too many', put(resultKey('thing-1', 2, 1)), { path: 'count', live: 3, other: 2 }],
  ] as const satisfies readonly (readonly [string, Parameters<typeof changed>[0], object])[])(
    '%s are a difference, and called by their document',
    async (_, change, difference) => {
      expect(await changed(change)).toMatchObject({
        ...{ isEqual: false, documents: 1, different: 1 },
        differences: [{ key: 'thing-1, its results', ...difference }],
      });
    },
  );

  it('of a document that leads to none by the log are a difference', async () => {
    expect(await changed(put(resultKey('thing-0', 2, 0)))).toMatchObject({
      ...{ isEqual: false, documents: 1, different: 1 },
      differences: [{ key: 'thing-0, its results', path: '', other: undefined }],
    });
  });
});

it('one that was folded from another log is not compared', async () => {
  const second = await twoFurther(tellers(2));
  await second.close();
  await storage.state.transaction([], async (tx) => {
    const { checkpoint, ...own } = (await readProgress(tx, placesOf('tellers'), 2))!;
    const other = { ...checkpoint, logId: 'another-log' };
    await writeProgress(tx, placesOf('tellers'), { ...own, generation: 2, checkpoint: other });
  });
  await expect(second.verify('tellers')).rejects.toThrow(/generation 2: it was folded from another log/);
});

it('what another one was swapped in for meanwhile is not compared with the log', async () => {
  const projections = await run(tellers(1));
  await projections.fill('tellers');
  let swapped: Promise<unknown> | undefined;
  const events: EventStore = Object.assign(Object.create(storage.events) as EventStore, {
    async *readAll(...given: Parameters<EventStore['readAll']>) {
      await (swapped ??= projections.swap('tellers'));
      yield* storage.events.readAll(...given);
    },
  });
  const model = modelOf(tellers(1)) as ProjectionModel;
  const verifying = { events, state: storage.state, model, limit: 10, maxFolded: 10 };
  await expect(verifyWithLog(verifying)).rejects.toThrow(/another one is read since: compare it again/);
});

it('a position that the log has not come to is not reached', async () => {
  const projections = await run(tellers(1));
  await projections.caughtUp('tellers', 2);
  await expect(projections.caughtUp('tellers', 7, { timeoutMs: 0 })).rejects.toMatchObject({
    ...{ code: 'BACKSTORY_NOT_CAUGHT_UP', position: 7, reached: 2 },
  });
});
