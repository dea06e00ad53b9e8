import { Recorder, type OpenStorage } from '@backstory/core';
import { DomainEvent, EventTypes } from '@backstory/events';
import { postgres } from '@backstory/postgres';
import { eventually } from '../../../test/support/eventually.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { sqliteFiles } from '../../../test/support/sqlite-files.js';
import { projection } from './definition/functional-projection.js';
import { modelOf } from './definition/projection-source.js';
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
