import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { processes, watching } from '../../../../test/support/subscribing.js';
import { partitionOf } from './key-partition.js';

describeEachStorage((stores) => {
  const start = processes(stores);
  const hanging = () => {
    const seen = new Set<string>();
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const handle = (_event: object, { stream }: { readonly stream: string }) => {
      seen.add(stream);
      return stream === 'account-hangs' ? held : undefined;
    };
    const subscription = () => watching('fraud', handle, { timeoutMs: 600_000, stopTimeoutMs: 600_000 });
    return { seen, go: () => go(), subscription };
  };

  it('while a handler hangs others take the rest of the share, and what is asked for is done', async () => {
    const storage = await stores.storage();
    const { seen, go, subscription } = hanging();
    const one = await start(storage);
    const record = recording(one.events);
    await one.subscriptions.add(subscription());
    await record('hangs', new Deposited(1));
    await eventually(() => seen.has('account-hangs'));
    const two = await start(storage);
    await two.subscriptions.add(subscription());
    await eventually(async () => {
      const { members } = await one.subscriptions.status('fraud');
      return members.some(({ partitions }) => partitions >= 31) && members.length === 2;
    });
    await one.subscriptions.pause('fraud');
    await eventually(async () => {
      const { members } = await one.subscriptions.status('fraud');
      return members.length === 2 && members.every(({ state }) => state === 'paused');
    });
    go();
  });

  it('a reset begins all partitions anew but for the one whose handler hangs, and that one when it ends', async () => {
    const { seen, go, subscription } = hanging();
    const { events, subscriptions } = await start(await stores.storage());
    const record = recording(events);
    await subscriptions.add(subscription());
    await record('hangs', new Deposited(1));
    await record('1', new Deposited(1));
    await eventually(() => seen.size === 2);
    expect(partitionOf('account-1')).not.toBe(partitionOf('account-hangs'));
    seen.clear();
    await subscriptions.reset('fraud', 'beginning');
    await eventually(() => seen.has('account-1'));
    expect(seen.has('account-hangs')).toBe(false);
    go();
    await eventually(() => seen.has('account-hangs'));
  });
});
