import { Recorder } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { processes, watching } from '../../../../test/support/subscribing.js';

describeEachStorage((stores) => {
  const start = processes(stores);

  it('other data are for the event they were given for: where it is skipped after all, the next one has its own', async () => {
    const { events, subscriptions } = await start(await stores.storage());
    const seen: string[] = [];
    let attempts = 0;
    const handle = (event: object, { version }: { readonly version: number }) => {
      if (version === 1) throw new Error(`no ${++attempts}`);
      seen.push(`v${version} ${(event as Deposited).amount}`);
    };
    await subscriptions.add(watching('fraud', handle, { retry: { attempts: 1 } }));
    await recording(events)('1', new Deposited(1), new Deposited(2), new Deposited(3));
    const dead = (message: string) =>
      eventually(async () => {
        const [parked] = await subscriptions.parked('fraud', { states: ['dead'] });
        return parked?.error.message === message;
      });
    await dead('no 1');
    await subscriptions.edit('fraud', { key: 'account-1', data: '{"amount":999}' });
    await dead('no 2');
    await subscriptions.skip('fraud', { key: 'account-1' });
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(['v2 2', 'v3 3']);
  });

  it('an event that is newer than this code is handled with data that it knows', async () => {
    const { events, subscriptions } = await start(await stores.storage());
    const seen: unknown[] = [];
    await subscriptions.add(watching('fraud', (event) => void seen.push(event)));
    const newer = { type: 'account.deposited', schemaVersion: 7, data: '{"cents":100}' };
    const recorder = new Recorder(events, { source: 'test' });
    await recorder.record([{ stream: 'account-1', expected: 'any', events: [newer] }]);
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await subscriptions.edit('fraud', { key: 'account-1', data: '{"amount":1}' });
    await eventually(() => seen.length === 1);
    expect(seen).toEqual([new Deposited(1)]);
  });
});
