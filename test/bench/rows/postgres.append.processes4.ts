import { leftBy, proofOf, type RoundSize } from '../batches.js';
import { bareDatabase, checkSameTables, eventsTable } from '../postgres/bare-database.js';
import { LeftBehind } from '../postgres/left-behind.js';
import { Writers } from '../postgres/writers.js';
import type { Contest, Row, Setting, Side } from '../row.js';

const WRITERS = 32;
const PROCESSES = 4;

export const row: Row = {
  name: 'postgres.append.processes4',
  unit: 'events/s',
  target: 0.8,
  ours: 'four processes at the same time, 32 writers in each, each with a stream of its own, appending single events at the version it knows',
  bare: 'the store as well, not the bare driver: one process of 32 writers, which append as many events',
  async prepare(setting): Promise<Contest> {
    const each = Math.ceil(100 * setting.scale);
    const alone = { batches: WRITERS * PROCESSES * each, batchSize: 1, streams: WRITERS };
    const together = Array.from({ length: PROCESSES }, (_, i) => {
      return { batches: WRITERS * each, batchSize: 1, streams: WRITERS, firstStream: WRITERS * i };
    });
    const sides = [await sideOf(setting, together), await sideOf(setting, [alone])] as const;
    const [ours, bare] = sides;
    await checkSameTables(ours.log.client, bare.log.client);
    return {
      amount: alone.batches,
      expected: bare.expected,
      ddl: await eventsTable(bare.log.client),
      ours,
      bare,
      close: async () => void (await Promise.all(sides.map((side) => side.close()))),
    };
  },
};

/** A process for each of these rounds, and a log that all of them append to. */
async function sideOf(setting: Setting, rounds: readonly RoundSize[]) {
  const log = await bareDatabase(await setting.server());
  const processes = await Promise.all(rounds.map(() => Writers.start(log.url)));
  const left = new LeftBehind(log.client);
  const lefts = rounds.map(leftBy);
  const total = (of: 'events' | 'streams' | 'gaps' | 'bytes') => lefts.reduce((sum, it) => sum + it[of], 0);
  const all = (work: (writers: Writers, i: number) => Promise<void>) => async () =>
    void (await Promise.all(processes.map(work)));
  const side = {
    before: all((writers, i) => writers.prepare(rounds[i]!)),
    run: all((writers) => writers.append()),
    expected: proofOf({
      events: total('events'),
      streams: total('streams'),
      gaps: total('gaps'),
      bytes: total('bytes'),
    }),
    proof: async () => proofOf(await left.look()),
  } satisfies Side;
  const close = async () => {
    await all((writers) => writers.end())();
    await log.client.end();
  };
  return { ...side, log, close };
}
