import { postgres } from '@backstory/postgres';
import type { OpenStorage } from '@backstory/core';
import { eventually } from '../../../../test/support/eventually.js';
import { startPostgres, type PostgresServer } from '../../../../test/support/postgres-server.js';
import { sqliteFiles } from '../../../../test/support/sqlite-files.js';
import { meetingIn } from '../feed/meeting.js';
import { clockOf, feedersOf } from './feeders.js';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server.stop());
const files = sqliteFiles();
let opened: OpenStorage;
beforeEach(async () => {
  opened = await files.opened(postgres(await server.createDatabase()).open());
});
afterEach(() => jest.restoreAllMocks());

it.each([-86_400_000, 86_400_000])(
  'who feeds it, and whether it is to meet another one, is seen by the clock of the database, with an own one that is %d ms off',
  async (offMs) => {
    const { state } = opened;
    await state.acquire('projection/sums/1', { owner: 'ann', ttlMs: 600_000 });
    const ended = await state.acquire('projection/sums/2', { owner: 'bob', ttlMs: 1 });
    const now = await eventually(async () => {
      const time = await state.read(clockOf);
      return time > ended!.expiresAt.getTime() && time;
    });
    const control = (ms: number) => ({
      ...{ live: 1, last: 1, generations: [] },
      meeting: { position: 7, until: new Date(now + ms).toISOString() },
    });
    const real = Date.now;
    jest.spyOn(Date, 'now').mockImplementation(() => real() + offMs);
    expect(await feedersOf(state, 'sums')).toEqual(new Map([[1, 'ann']]));
    const met = (ms: number) => state.read((view) => meetingIn(view, control(ms)));
    expect([await met(600_000), await met(-1)]).toEqual([7, undefined]);
  },
);
