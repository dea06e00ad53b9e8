import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { DomainEvent, EventTypes } from '@backstory/events';
import { eventually } from '../../../../test/support/eventually.js';
import { projection } from '../definition/functional-projection.js';
import { modelOf } from '../definition/projection-source.js';
import { Projections } from '../projections.js';
import { readControl } from './control.js';
import { rebuild } from './rebuild.js';
import { register } from './register.js';
import { rollBack, swap } from './swap.js';

@DomainEvent('thing.counted')
class Counted {}

const NAME = 'counts';
const counts = (version: number, changed: 'rebuild' | 'swap') =>
  projection(NAME, {
    version,
    changed,
    initial: { count: 0 },
    events: { Counted },
    fold: { Counted: ({ count }) => ({ count: count + 1 }) },
  });

let storage: OpenStorage;
const running: Projections[] = [];
const recorder = () => new Recorder(storage.events, { source: 'test' });
beforeEach(async () => {
  storage = await memory().open();
  const events = [1, 2, 3].map(() => new EventTypes([Counted]).encode(new Counted()));
  await recorder().record([{ stream: 'thing-1', expected: 'any', events }]);
});
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
  await storage.close();
});

const control = async () => (await storage.state.read((view) => readControl(view, NAME)))!;
const starts = (version: number, changed: 'rebuild' | 'swap') =>
  register(storage.state, modelOf(counts(version, changed)));
const rebuilds = (version: number, changed: 'rebuild' | 'swap') =>
  rebuild(storage, modelOf(counts(version, changed)));

function projections(version: number, changed: 'rebuild' | 'swap'): Projections {
  const own = new Projections({ ...storage, recorder: recorder() });
  own.declare(counts(version, changed));
  running.push(own);
  return own;
}

it.each([
  ['was begun by code that did not say so', [starts, 'rebuild'], [starts, 'swap'], true],
  ['a rebuild had begun', [rebuilds, 'rebuild'], [starts, 'swap'], true],
  ['a rebuild begins', [rebuilds, 'swap'], undefined, true],
  ['a rebuild goes on with', [starts, 'rebuild'], [rebuilds, 'swap'], true],
  ['a rebuild begins without that being said', [rebuilds, 'rebuild'], undefined, undefined],
] as const)('what %s takes the place by itself as `changed` says', async (_, first, then, swaps) => {
  await starts(1, 'swap');
  for (const step of [first, then]) if (step) await step[0](2, step[1]);
  const { generations } = await control();
  expect(generations.map((it) => it.swaps)).toEqual([undefined, swaps]);
});

it('what is built anew under the version that is read waits until somebody swaps', async () => {
  await starts(1, 'swap');
  await rebuilds(1, 'swap');
  await starts(1, 'swap');
  expect((await control()).generations.map((it) => it.swaps)).toEqual([undefined, undefined]);
});

it('what was rolled back from does not come back with the next start', async () => {
  const [first, second] = [projections(1, 'rebuild'), projections(2, 'rebuild')];
  await first.start();
  await first.caughtUp(NAME, 3);
  await second.fill(NAME);
  await swap(storage, NAME);
  await rollBack(storage, NAME);
  await starts(2, 'swap');
  const { live, generations } = await control();
  expect([live, generations[1]!.role, generations[1]!.swaps]).toEqual([1, 'retired', undefined]);
});

it('what was filled before takes the place once the application starts, and not while it is only filled', async () => {
  const first = projections(1, 'rebuild');
  await first.start();
  await first.caughtUp(NAME, 3);
  await first.close();
  const second = projections(2, 'swap');
  await second.fill(NAME);
  expect((await second.verify(NAME)).isEqual).toBe(true);
  expect((await control()).live).toBe(1);
  await second.start();
  await eventually(async () => (await control()).live === 2);
});
