import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { DomainEvent, EventTypes } from '@backstory/events';
import { postgres } from '@backstory/postgres';
import { eventually } from '../../../test/support/eventually.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { sqliteFiles } from '../../../test/support/sqlite-files.js';
import { projection } from './definition/functional-projection.js';
import { modelOf } from './definition/projection-source.js';
import { placesOf } from './generation/places.js';
import { writeProgress } from './generation/progress.js';
import { register } from './generation/register.js';
import { neverStarted, projectionStatuses } from './status.js';

@DomainEvent('thing.counted')
class Counted {}

const model = modelOf(
  projection('counts', {
    version: 1,
    initial: { count: 0 },
    events: { Counted },
    fold: { Counted: ({ count }) => ({ count: count + 1 }) },
  }),
);

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server.stop());
const files = sqliteFiles();
let opened: OpenStorage;
beforeEach(async () => {
  opened = await files.opened(postgres(await server.createDatabase()).open());
  const events = [new EventTypes([Counted]).encode(new Counted())];
  await new Recorder(opened.events, { source: 'test' }).record([
    { stream: 'thing-1', expected: 'any', events },
  ]);
});
afterEach(() => jest.restoreAllMocks());

it.each([-86_400_000, 86_400_000])(
  'how old is what is not folded is told by the clock of the database, with an own one that is %d ms off',
  async (offMs) => {
    const { events, state } = opened;
    const real = Date.now;
    jest.spyOn(Date, 'now').mockImplementation(() => real() + offMs);
    const before = async () => (await neverStarted(opened, model)).lag.seconds;
    const after = async () => {
      const [status] = await projectionStatuses({ events, state, versions: new Map() });
      return status!.lag.seconds;
    };
    // More than what is told of something that was recorded just now, or later.
    await eventually(async () => (await before()) > 0.001);
    await register(state, model);
    await eventually(async () => (await after()) > 0.001);
    for (const seconds of [await before(), await after()]) expect(seconds).toBeLessThan(3_600);
  },
);

describe('how much is done, and how long the rest takes', () => {
  let storage: OpenStorage;
  beforeEach(async () => void (storage = await memory().open()));
  afterEach(() => storage.close());
  const record = (...types: readonly string[]) => {
    const events = types.map((type) => ({ type, data: '{}', metadata: {} }));
    const write = { stream: 'thing-1', expected: 'any', events } as const;
    return new Recorder(storage.events, { source: 'test' }).record([write]);
  };
  /** Of the generation that is read, `events` of which were its own, at a position; fed by somebody. */
  const at = async (through: number, events: number) => {
    const { logId, epoch } = await storage.events.identity();
    const own = { checkpoint: { logId, epoch, through }, events, documents: 1, rate: 10, savedAt: '' };
    await register(storage.state, model);
    await storage.state.transaction([], (tx) =>
      writeProgress(tx, placesOf('counts'), { ...own, generation: 1 }),
    );
    await storage.state.acquire(placesOf('counts').lease(1), { owner: 'me', ttlMs: 60_000 });
    const [status] = await projectionStatuses({ ...storage, versions: new Map() }, ['counts']);
    return status!.generations[0]!;
  };
  const others = (n: number) => Array.from({ length: n }, () => 'thing.other');

  it('is all where only events of others were recorded since', async () => {
    await record('thing.counted', ...others(4));
    const status = await at(1, 1);
    expect(status).toMatchObject({ state: 'live', position: 1, lag: { seconds: 0 }, progress: 1 });
    expect(status).not.toHaveProperty('remaining');
  });

  it('is what is before the first event of its own that is missing', async () => {
    await record('thing.counted', ...others(5), 'thing.counted', 'thing.other');
    expect(await at(2, 1)).toMatchObject({ state: 'catching-up', position: 2, progress: 6 / 8 });
  });

  it('is told by its own events, which are as many among the rest as they were so far', async () => {
    await record('thing.counted', ...others(99), 'thing.counted', ...others(899));
    // A hundredth of 900 positions, at 10 events a second.
    expect(await at(100, 1)).toMatchObject({ progress: 100 / 1_000, remaining: 1 });
  });
});
