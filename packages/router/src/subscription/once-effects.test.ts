import { memory } from '@backstory/core';
import { FenceLost, LeaseHolder, type StateTransaction } from '@backstory/core/state';
import { OnceEffects } from './once-effects.js';
import { Lane, Partition } from './partition.js';

test('an owner that was overtaken does nothing once', async () => {
  const { state } = await memory().open();
  const [one, two] = [new LeaseHolder(state, { ttlMs: 60_000 }), new LeaseHolder(state, { ttlMs: 60_000 })];
  const lease = (await one.acquire('07'))!;
  // The store lets another have it, and the first owner has not heard of that.
  const [stored] = await state.leases('07');
  await state.release(stored!);
  await two.acquire('07');
  const lane = new Lane('account-1', new Partition(7, lease, { through: 0, ahead: [] }));
  const place = {
    lane,
    handler: 'watch',
    event: { id: 'e', position: 1 },
    nth: 0,
    signal: new AbortController().signal,
  };
  const effects = new OnceEffects(state, one, 'fraud');
  const work = (tx: StateTransaction) => tx.put('seen', 'account-1', 'yes');
  await expect(effects.once(place, work)).rejects.toThrow(FenceLost);
  await expect(effects.onceEach([place], work)).rejects.toThrow(FenceLost);
  expect(await state.read((view) => view.count('seen'))).toBe(0);
  await Promise.all([one.close(), two.close()]);
});
