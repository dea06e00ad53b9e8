import { memory, type OpenStorage } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { IN_TIME } from '../../../../test/support/eventually.js';
import { projectionsOn } from '../../../../test/support/projecting.js';
import type { Projections } from '../projections.js';
import { average, count, sum } from './number-reducers.js';
import { percentiles } from './percentiles.js';
import type { Reducer } from './reducer.js';
import { tumbling } from './shapes.js';
import { WindowsReader } from './windows-reader.js';
import { windows, type Windows } from './windows.js';

type Reducing = Readonly<Record<string, Reducer<number, unknown>>>;
type Source = Windows<Record<string, unknown>>;

const threes = (version: number, reducers: Reducing): Source =>
  windows('threes', {
    version,
    events: { Deposited },
    value: { Deposited: ({ amount }) => amount },
    shape: tumbling({ count: 3 }),
  }).reduce(reducers);

let opened: OpenStorage;
const running: Projections[] = [];
const run = async (source: Source) => {
  const projections = projectionsOn(opened, [source]);
  running.push(projections);
  await projections.start();
  return { projections, reader: new WindowsReader(source, projections.of(source)) };
};
beforeEach(async () => {
  opened = await memory().open();
  await recording(opened.events)('1', ...[1, 2, 3, 10, 20].map((it) => new Deposited(it)));
});
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
  await opened.close();
});

it.each<[string, Reducing, Reducing, Readonly<Record<string, unknown>>]>([
  ['sum became average', { x: sum() }, { x: average() }, { x: 15 }],
  ['count became sum', { x: count() }, { x: sum() }, { x: 30 }],
  ['average is new', { x: sum() }, { x: sum(), mean: average() }, { x: 30, mean: 15 }],
  ['percentiles are new', { x: sum() }, { x: sum(), at: percentiles([50]) }, { x: 30, at: { p50: 10 } }],
  ['nothing changed but the version', { x: sum() }, { x: sum() }, { x: 30 }],
])('what other reducers hold is not taken for windows of these: %s', async (_, before, after, values) => {
  const old = await run(threes(1, before));
  await old.projections.caughtUp('threes', 5, IN_TIME);
  const [first] = await old.reader.closed('account-1');
  const now = await run(threes(2, after));
  const made = { code: 'BACKSTORY_GENERATION_UNUSABLE', projection: 'threes' };
  const early =
    /generation 1: code of version 1 made it, and to the code here, of version 2, .*swap once version 2 is/;
  for (const key of ['account-1', 'account-2'])
    for (const how of ['current', 'open'] as const) {
      const asked = now.reader[how](key);
      await expect(asked).rejects.toMatchObject({ ...made, generation: 1 });
      await expect(asked).rejects.toThrow(early);
    }
  // What is closed is as it was closed, and what is folded here is of this code.
  expect(await now.reader.closed('account-1')).toEqual([first]);
  expect(await now.reader.asOf(5).current('account-1')).toMatchObject({ events: 2, values });

  await now.projections.filled('threes', 2);
  await now.projections.swap('threes');
  expect(await now.reader.current('account-1')).toMatchObject({ events: 2, values });
  expect(await now.reader.open('account-1')).toMatchObject([{ events: 2, values }]);
  expect(await now.reader.current('account-2')).toBeUndefined();
  for (const how of ['current', 'open'] as const) {
    const asked = old.reader[how]('account-1');
    await expect(asked).rejects.toMatchObject({ ...made, generation: 2 });
    await expect(asked).rejects.toThrow(
      /code of version 2 made it.*of version 1, .*use code of version 2\.$/,
    );
  }
});
