import { postgres } from '@backstory/postgres';
import type { OpenStorage } from '@backstory/core';
import { eventually } from '../../../../test/support/eventually.js';
import { startPostgres, type PostgresServer } from '../../../../test/support/postgres-server.js';
import { sqliteFiles } from '../../../../test/support/sqlite-files.js';
import { meetingOver } from '../feed/meeting.js';
import { writeControl } from './control.js';
import { clockOf, feedersOf } from './feeders.js';
import { placesOf } from './places.js';

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
    await eventually(async () => (await state.read(clockOf)) > ended!.expiresAt.getTime());
    const real = Date.now;
    jest.spyOn(Date, 'now').mockImplementation(() => real() + offMs);
    expect(await feedersOf(state, 'sums')).toEqual(new Map([[1, 'ann']]));
    const isOver = async (ttlMs: number) => {
      const { token } = (await state.acquire(placesOf('sums').meeting, { owner: 'ann', ttlMs }))!;
      const control = { live: 1, last: 1, generations: [], meeting: { position: 7, token } };
      await state.transaction([], (tx) => writeControl(tx, 'sums', control));
      const given = AbortSignal.timeout(300);
      await meetingOver(state, 'sums', { position: 7, signal: given });
      return !given.aborted;
    };
    expect([await isOver(600_000), await isOver(1)]).toEqual([false, true]);
  },
);
