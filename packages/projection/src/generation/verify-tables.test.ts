import { setTimeout as wait } from 'node:timers/promises';
import type { OpenStorage } from '@backstory/core';
import { LeaseHolder } from '@backstory/core/state';
import { sqlite } from '@backstory/sqlite';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { IN_TIME, eventually } from '../../../../test/support/eventually.js';
import { projectionsOn } from '../../../../test/support/projecting.js';
import { sqliteFiles } from '../../../../test/support/sqlite-files.js';
import { modelOf } from '../definition/projection-source.js';
import { GenerationUnusable } from '../errors.js';
import type { Projections } from '../projections.js';
import type { SqlModel } from '../tables/sql-model.js';
import { sqlProjection } from '../tables/sql-projection.js';
import { feedersOf } from './feeders.js';
import { placesOf } from './places.js';
import { readProgress, writeProgress } from './progress.js';
import { verifyTables } from './verify-tables.js';

const NAME = 'deposits';
const deposits = sqlProjection(NAME, {
  version: 1,
  tables: { amounts: { columns: { position: 'bigint', amount: 'bigint' }, key: ['position'] } },
  events: { Deposited },
  handle: {
    Deposited: ({ amount }, { position }, { sql, amounts }) =>
      sql`insert into ${amounts} (position, amount) values (${position}, ${amount})`,
  },
});

const files = sqliteFiles();
let opened: OpenStorage;
let projections: Projections;
beforeEach(async () => {
  opened = await files.opened(sqlite(files.newFile()).open());
  await recording(opened.events)('1', ...Array.from({ length: EVENTS }, () => new Deposited(1)));
  projections = projectionsOn(opened, [deposits]);
  await projections.start();
  await projections.caughtUp(NAME, EVENTS, IN_TIME);
});
afterEach(() => projections.close());

const EVENTS = 30;
/** Begins another generation, which is fed so slowly. */
async function rebuilt(eventsPerSecond: number): Promise<void> {
  await projections.rebuild(NAME, { eventsPerSecond });
  await eventually(async () => (await feedersOf(opened.state, NAME)).size === 2);
}
const comparing = (patienceMs: number, signal?: AbortSignal) =>
  verifyTables({ ...opened, model: modelOf(deposits) as SqlModel, limit: 9, patienceMs, signal });

it('generations of which one comes nearer are waited for, however long that takes', async () => {
  await rebuilt(10);
  const began = performance.now();
  expect(await comparing(1_500)).toMatchObject({ isEqual: true, documents: EVENTS });
  expect(performance.now() - began).toBeGreaterThan(2_000);
});

it('it is cancelled by a signal', async () => {
  await rebuilt(10);
  const cancelled = new AbortController();
  const comparison = projections.verify(NAME, { signal: cancelled.signal });
  const reason = new Error('enough');
  cancelled.abort(reason);
  await expect(comparison).rejects.toBe(reason);
  // They do not wait for each other any more.
  await projections.rebuild(NAME, { eventsPerSecond: 1_000 });
  await projections.filled(NAME, 2);
});

describe('where those who feed them', () => {
  let others: LeaseHolder;
  beforeEach(async () => {
    await rebuilt(1);
    await projections.close();
    others = new LeaseHolder(opened.state, { ttlMs: 60_000 });
    for (const generation of [1, 2]) await others.acquire(placesOf(NAME).lease(generation));
  });
  afterEach(() => others.close());

  it('do nothing, it is refused once its patience is over', async () => {
    await expect(comparing(100)).rejects.toThrow(GenerationUnusable);
    await expect(comparing(100)).rejects.toThrow(
      /did not come to position \d+, and neither came nearer for 0\.1 s: wait until both are live\.$/,
    );
  });

  it('go on as if they were not to meet, as those of an earlier release do, it is refused as well', async () => {
    let isOver = false;
    const going = (async () => {
      while (!isOver) {
        await recording(opened.events)('1', new Deposited(1));
        await goesOn(1);
        await wait(10);
      }
    })();
    const refused = comparing(500).catch((error: unknown) => error);
    const late = wait(10_000, 'it goes on', { ref: false });
    try {
      expect(await Promise.race([refused, late])).toBeInstanceOf(GenerationUnusable);
    } finally {
      isOver = true;
      await going;
    }
  });

  /** One further than it is. */
  function goesOn(generation: number): Promise<void> {
    return opened.state.transaction([], async (tx) => {
      const places = placesOf(NAME);
      const { checkpoint, ...progress } = (await readProgress(tx, places, generation))!;
      const further = { logId: checkpoint.logId, epoch: checkpoint.epoch, through: checkpoint.through + 1 };
      await writeProgress(tx, places, { ...progress, generation, checkpoint: further });
    });
  }
});
