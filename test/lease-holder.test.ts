import { LeaseHolder } from '@backstory/core/state';
import { describeEachStorage } from './support/each-storage.js';
import { eventually } from './support/eventually.js';

describeEachStorage((stores) => {
  it('a lease is kept from others while its holder lives, and goes to one of them after the holder was stopped', async () => {
    const storage = await stores.storage();
    const [first, second] = [await stores.opened(storage), await stores.opened(storage)];
    const ttlMs = 400;
    const one = new LeaseHolder(first.state, { ttlMs });
    const two = new LeaseHolder(second.state, { ttlMs });
    const lease = (await one.acquire('job'))!;
    await new Promise((wait) => setTimeout(wait, ttlMs * 2));
    expect([await two.acquire('job'), lease.isHeld]).toEqual([undefined, true]);

    // As if it had been stopped: nothing is renewed, and the store hears nothing of it either.
    jest.spyOn(first.state, 'renew').mockReturnValue(new Promise(() => undefined));
    jest.spyOn(first.state, 'release').mockReturnValue(new Promise(() => undefined));
    const next = await eventually(() => two.acquire('job'));
    expect(next.token).toBeGreaterThan(lease.token);
    const late = first.state.transaction([lease], (tx) => tx.put('c', 'k', 'late'));
    await expect(late).rejects.toMatchObject({ code: 'BACKSTORY_FENCE_LOST' });
    await second.state.transaction([next], (tx) => tx.put('c', 'k', 'ours'));
    expect(lease.isHeld).toBe(false);
    await two.close();
    expect(await second.state.leases()).toEqual([]);
  });
});
