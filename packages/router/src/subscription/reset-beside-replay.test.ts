import type { EventStore, StateStore } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { processes, watching } from '../../../../test/support/subscribing.js';

const ROWS = 'backstory.subscriptions/fraud';

describeEachStorage((stores) => {
  const start = processes(stores);

  /** An event was handled, and is being handled again, with `again`: its effect is made, and its handler hangs. */
  async function replaying() {
    const { events, state, subscriptions } = await start(await stores.storage());
    let calls = 0;
    let hangs = false;
    let letGo = () => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    await subscriptions.add(
      watching(
        'fraud',
        async (_event, recorded, { once }) => {
          calls++;
          await once(recorded, async (tx) => {
            const before = Number((await tx.get('effects', recorded.stream)) ?? 0);
            await tx.put('effects', recorded.stream, String(before + 1));
          });
          if (hangs) await held;
        },
        { timeoutMs: 600_000, stopTimeoutMs: 100 },
      ),
    );
    const [id] = await recording(events)('1', new Deposited(1));
    await subscriptions.handled('fraud', id!);
    hangs = true;
    await subscriptions.replay('fraud', { event: id!, again: true });
    await eventually(async () => (await effects(state)) === 2);
    const goOn = () => {
      hangs = false;
      letGo();
    };
    return { events, state, subscriptions, calls: () => calls, goOn };
  }
  const effects = async (state: StateStore) =>
    Number((await state.read((view) => view.get('effects', 'account-1'))) ?? 0);
  const count = (state: StateStore, rows: string) => state.read((view) => view.count(`${ROWS}/${rows}`));
  const isThrough = async (events: EventStore) => {
    for await (const page of events.readStream('_system-fraud'))
      if (page.events.some(({ type }) => type === 'subscription.replayed')) return true;
    return false;
  };

  it('a reset ahead leaves a replay under way what it has done once: it goes on, and does that no second time', async () => {
    const { events, state, subscriptions, calls, goOn } = await replaying();
    await subscriptions.reset('fraud', 'now');
    await eventually(() => calls() === 3);
    goOn();
    await eventually(() => isThrough(events));
    await eventually(async () => (await count(state, 'replays')) === 0);
    expect(await effects(state)).toBe(2);
    expect(await count(state, 'replay-once')).toBe(0);
  });

  it('a reset back does again what was done once, and of a replay that has nothing to do any more nothing is left', async () => {
    const { state, subscriptions, goOn } = await replaying();
    await subscriptions.reset('fraud', 'beginning');
    await eventually(async () => (await effects(state)) === 3);
    // The event is to come again, so it is not for the replay.
    await eventually(async () => (await count(state, 'replays')) === 0);
    expect(await count(state, 'replay-once')).toBe(0);
    expect(await effects(state)).toBe(3);
    goOn();
  });
});
