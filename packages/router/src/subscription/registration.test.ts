import type { RecordedEvent } from '@backstory/core';
import { OlderCode, reaction, subscriber } from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes, watching } from '../../../../test/support/subscribing.js';
import { readControl, writeControl } from './control.js';

describeEachStorage((stores) => {
  const start = processes(stores);

  /** Processes of one storage, whose code is older, or newer and handles one more event. */
  async function releases() {
    const storage = await stores.storage();
    const seen: string[] = [];
    const see = (_event: object, recorded: RecordedEvent<object>) => void seen.push(place(recorded));
    const older = subscriber({ name: 'fraud', checkpointMs: 50, on: [reaction(Deposited, see)] });
    const newer = subscriber({
      name: 'fraud',
      checkpointMs: 50,
      on: [reaction(Deposited, see), reaction(Withdrawn, see)],
    });
    const run = async (which: typeof older) => {
      const it = await start(storage);
      await it.subscriptions.add(which);
      const partitions = async () => {
        const { members } = await it.subscriptions.status('fraud');
        return members.map((member) => [member.state, member.partitions]).sort();
      };
      const until = (...wanted: readonly (readonly [string, number])[]) =>
        eventually(async () => JSON.stringify(await partitions()) === JSON.stringify(wanted));
      return { ...it, record: recording(it.events), until };
    };
    return { seen, older: () => run(older), newer: () => run(newer) };
  }

  it('what only newer code handles is handled by it, though older code is still there', async () => {
    const { seen, older, newer } = await releases();
    await older();
    const second = await newer();
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push(...(await second.record(String(i), new Withdrawn(1))));
    await second.until(['faulted', 0], ['running', 64]);
    const again = await older();
    await second.until(['faulted', 0], ['faulted', 0], ['running', 64]);
    for (const id of ids) await again.subscriptions.handled('fraud', id);
    expect(new Set(seen).size).toBe(20);
  });

  it('older code goes on when no newer one is there any more', async () => {
    const { seen, older, newer } = await releases();
    const first = await older();
    const second = await newer();
    await second.until(['faulted', 0], ['running', 64]);
    const { members } = await second.subscriptions.status('fraud');
    expect(members.map(({ reason }) => reason)).toContain(
      new OlderCode('fraud', ['account.withdrawn']).message,
    );
    expect((await first.subscriptions.status('fraud')).state).toBe('live');
    await second.subscriptions.close();
    await first.until(['running', 64]);
    const [id] = await first.record('1', new Deposited(1));
    await first.subscriptions.handled('fraud', id!);
    expect(seen).toEqual(['account-1 v1']);
  });

  it('newer code is there before it is registered, and registers again where somebody took that back', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    const transaction = state.transaction.bind(state);
    const there: number[] = [];
    const registering = jest.spyOn(state, 'transaction').mockImplementationOnce(async (...asked) => {
      there.push((await state.leases('subscription/fraud/member/')).length);
      return transaction(...asked);
    });
    await subscriptions.add(watching('fraud', () => undefined));
    registering.mockRestore();
    expect(there).toEqual([1]);
    const control = () => state.read((view) => readControl(view, 'fraud'));
    const { types, ...others } = (await control())!;
    await state.transaction([], (tx) => writeControl(tx, 'fraud', { ...others, types: types.slice(0, 1) }));
    await eventually(async () => (await control())!.types.length === types.length);
    const [id] = await recording(events)('1', new Withdrawn(1));
    await subscriptions.handled('fraud', id!);
  });
});
