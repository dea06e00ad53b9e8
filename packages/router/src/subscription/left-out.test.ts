import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes, watching } from '../../../../test/support/subscribing.js';

const PART = 'backstory.subscriptions/fraud';

describeEachStorage((stores) => {
  const start = processes(stores);

  it('what a replay of a discarded key has gone through is not kept in pieces; what failed again stays left out', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    const record = recording(events);
    let isBroken = true;
    await subscriptions.add(
      watching(
        'fraud',
        (_event, recorded) => {
          if (isBroken || place(recorded) === 'account-1 v3') throw new Error('no such rule');
        },
        { retry: { attempts: 1 } },
      ),
    );
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) {
      ids.push(...(await record('1', new Deposited(1))));
      await record('2', new Deposited(1));
    }
    const { head } = await events.identity();
    await eventually(async () => {
      const { parked, position } = await subscriptions.status('fraud');
      return parked.dead === 2 && position >= head;
    });
    await subscriptions.discard('fraud', { key: 'account-1' }, { actor: 'ann' });
    await eventually(async () => (await subscriptions.parked('fraud')).length === 1);
    isBroken = false;
    await subscriptions.replay('fraud', { key: 'account-1' });
    await eventually(async () => (await state.read((view) => view.count(`${PART}/replays`))) === 0);
    for (const [i, id] of ids.entries())
      if (i !== 2) await subscriptions.handled('fraud', id);
      else await expect(subscriptions.handled('fraud', id)).rejects.toMatchObject({ reason: 'discarded' });
    const rows = await state.read((view) => view.list(`${PART}/left-out`));
    // With the failed one, and after the last one.
    expect(rows).toHaveLength(2);
  });
});
