import { memory } from '@backstory/core';
import { silent, type ConsumerChanged } from '@backstory/core/observe';
import { Command, Scheduler } from '@backstory/process';
import { eventually } from '../../../../test/support/eventually.js';

@Command('order.give-up')
class GiveUp {}

test.each([
  ['who looks for what is due', 'looking'],
  ['who writes down what became of it', 'settling'],
])(
  'a state store that gives no answer to %s holds up closing for some seconds only, and it says so',
  async (_, what) => {
    const storage = await memory().open();
    const heard: ConsumerChanged[] = [];
    let fired = 0;
    const scheduler = new Scheduler(
      {
        state: storage.state,
        check: () => {},
        fire: async () => void fired++,
        observer: { ...silent, consumer: (facts) => void heard.push(facts()) },
      },
      { pollMs: 20 },
    );
    await scheduler.schedule(new GiveUp(), { after: 0, id: 'a' });
    let hung = 0;
    const hangs = () => {
      hung++;
      return new Promise<never>(() => undefined);
    };
    if (what === 'settling') {
      const transaction = storage.state.transaction.bind(storage.state);
      jest
        .spyOn(storage.state, 'transaction')
        .mockImplementation((fences, work) => (fired === 0 ? transaction(fences, work) : hangs()));
    }
    scheduler.start();
    await eventually(() => fired === 1);
    if (what === 'looking') {
      await eventually(async () => (await scheduler.list()).length === 0);
      jest.spyOn(storage.state, 'read').mockImplementation(hangs);
    }
    await eventually(() => hung > 0);
    const began = performance.now();
    await scheduler.close();
    expect(performance.now() - began).toBeLessThan(20_000);
    const stopped = heard.filter(({ change }) => change === 'stopped');
    expect(stopped.map(({ reason }) => reason)).toEqual([
      'the state store gave no answer within 10000 ms: what was under way is fired again',
    ]);
    expect([scheduler.status.state, await storage.state.leases()]).toEqual(['stopped', []]);
    jest.restoreAllMocks();
    await storage.close();
  },
  60_000,
);
