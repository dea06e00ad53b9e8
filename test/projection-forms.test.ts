import { memory, type OpenStorage } from '@backstory/core';
import { ProjectionChanged, projection, type Projections } from '@backstory/projection';
import { Deposited, recording } from './support/bank-events.js';
import { projectionsOn } from './support/projecting.js';

const sums = (indexes: readonly string[]) =>
  projection('sums', {
    version: 1,
    indexes,
    initial: { sum: 0, seen: 0 },
    events: { Deposited },
    fold: { Deposited: ({ sum, seen }, { amount }) => ({ sum: sum + amount, seen: seen + 1 }) },
  });

let opened: OpenStorage;
let record: ReturnType<typeof recording>;
const running: Projections[] = [];
function processWith(...args: Parameters<typeof sums>): Projections {
  const it = projectionsOn(opened, [sums(...args)], { leaseMs: 200 });
  running.push(it);
  return it;
}

beforeEach(async () => {
  opened = await memory().open();
  record = recording(opened.events);
  await record('1', new Deposited(5));
});
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
  await opened.close();
});

it('a rebuild with other indexes under the same version is refused, and nothing is left of it', async () => {
  const live = processWith(['sum']);
  await live.start();
  const changed = processWith(['sum', 'seen']);
  await expect(changed.rebuild('sums')).rejects.toThrow(/raise its version from 1 to 2/);
  await expect(changed.fill('sums')).rejects.toThrow(ProjectionChanged);
  expect((await live.status('sums')).generations).toHaveLength(1);
  await processWith(['sum']).start();
});
