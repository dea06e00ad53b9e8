import type { OpenStorage } from '@backstory/core';
import type { Projections } from '@backstory/projection';
import { pattern, step } from '@backstory/projection/streams';
import { Deposited, Withdrawn } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { projectionsOn } from './support/projecting.js';
import { seededRandom } from './support/seeded-random.js';
import { recordingAt } from './support/windowed.js';
import { IN_TIME } from './support/eventually.js';

const seed = Number(process.env['BACKSTORY_TEST_SEED'] ?? Date.now() % 1_000_000);

/** A deposit, then a withdrawal of as much or more within 100 ms, without a deposit of 9 in between. */
const drained = pattern('drained', { version: 1, withinMs: 100, initial: { came: 0 } }).find({
  steps: [
    step(Deposited, { when: ({ amount }) => amount < 9, keep: ({ amount }) => ({ came: amount }) }),
    step(Withdrawn, { when: ({ amount }, { came }) => amount >= came }),
  ],
  without: [step(Deposited, { when: ({ amount }) => amount === 9 })],
});

describeEachStorage(patternsAre);

function patternsAre(stores: TestStorage): void {
  let opened: OpenStorage;
  const running: Projections[] = [];
  beforeEach(async () => {
    opened = await stores.opened(await stores.storage());
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });
  const run = async () => {
    const projections = projectionsOn(opened, [drained], { leaseMs: 2_000 });
    running.push(projections);
    await projections.start();
    return projections;
  };

  it(`are found once for each beginning, through restarts, and again by a rebuild (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const record = recordingAt(opened.events);
    const happened: { stream: string; position: number; at: number; amount: number; isIn: boolean }[] = [];
    let at = 0;
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 20; i++) {
        at += Math.floor(random() * 30);
        const [amount, isIn] = [1 + Math.floor(random() * 9), random() < 0.6];
        const account = 1 + Math.floor(random() * 2);
        const { position } = await record(account, at, isIn ? new Deposited(amount) : new Withdrawn(amount));
        happened.push({ stream: `account-${account}`, position, at, amount, isIn });
      }
      const projections = await run();
      await projections.caughtUp('drained', happened.length, IN_TIME);
      await projections.close();
    }
    const projections = await run();
    for (const key of ['account-1', 'account-2']) {
      const own = happened.filter(({ stream }) => stream === key);
      const expected = own.flatMap((start, i) => {
        if (!start.isIn || start.amount === 9) return [];
        const end = own.slice(i + 1).find((it) => (it.isIn ? it.amount === 9 : it.amount >= start.amount));
        return end && !end.isIn && end.at <= start.at + 100 ? [`${start.amount} until ${end.position}`] : [];
      });
      const found = await projections.of(drained).results(key);
      expect(found.map(({ position, result }) => `${result.memory.came} until ${position}`).sort()).toEqual(
        expected.sort(),
      );
      expect(found.map(({ position }) => position)).toEqual(
        found.map(({ position }) => position).sort((a, b) => a - b),
      );
    }
    await projections.fill('drained');
    expect(await projections.verify('drained')).toMatchObject({ isEqual: true, documents: 2 });
  });
}
