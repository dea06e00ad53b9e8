import { memory, type LogQuery, type OpenStorage } from '@backstory/core';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, eventsOf, record } from '../../../test/support/sqlite-files.js';
import { postgres } from './postgres.js';

const RECORDED = [-62_135_596_800_000, -9_000_000_000_123, 0, 1_795_196_024_381, 253_402_300_799_999];

let server: PostgresServer;
let storage: OpenStorage;
beforeAll(async () => {
  server = await startPostgres();
  storage = await postgres(await server.createDatabase()).open();
  const model = await memory().open();
  for (const _ of RECORDED) await record(model.events, 'a-1', anEvent());
  const events = (await eventsOf(model.events)).map((event, i) => ({
    ...event,
    recordedAt: new Date(RECORDED[i]!),
  }));
  await storage.events.restore([{ events, through: events.length }]);
});
afterAll(async () => {
  await storage?.close();
  await server?.stop();
});

const BOUNDS = [-8.64e15, -210_866_803_200_001, -62_167_219_200_001, 253_402_300_800_000, 8.64e15];

test.each([...BOUNDS, ...RECORDED.flatMap((time) => [time - 1, time, time + 1])])(
  'a bound on time may be anything that a Date can be: %d',
  async (bound) => {
    const at = new Date(bound);
    const found = async (query: LogQuery) =>
      (await eventsOf(storage.events, query)).map((it) => it.recordedAt.getTime());
    expect(await found({ recordedFrom: at })).toEqual(RECORDED.filter((time) => time >= bound));
    expect(await found({ recordedUpTo: at })).toEqual(RECORDED.filter((time) => time <= bound));
    const versions: number[] = [];
    for await (const { events } of storage.events.readStream('a-1', { recordedUpTo: at }))
      versions.push(...events.map(({ version }) => version));
    expect(versions).toHaveLength(RECORDED.filter((time) => time <= bound).length);
  },
);
