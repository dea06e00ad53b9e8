import { Recorder, memory, type RecordedEvent } from '@backstory/core';
import { Subscriptions, type SubscriptionOptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, watching, subscriptionsOn } from '../../../../test/support/subscribing.js';

/** A handler that fails until it is repaired. */
function broken(retry: SubscriptionOptions['retry'] & object) {
  const seen: string[] = [];
  let isBroken = true;
  const handle = (_event: unknown, recorded: RecordedEvent<object>) => {
    if (isBroken) throw new Error('no such rule');
    seen.push(place(recorded));
  };
  return { seen, watcher: watching('fraud', handle, { retry }), repair: () => void (isBroken = false) };
}

it('what comes for a key that waits in another process is handled after what waits behind it', async () => {
  const storage = await memory().open();
  const recorder = new Recorder(storage.events, { source: 'test' });
  const [before, after] = [1, 2].map(() => new Subscriptions({ ...storage, recorder }));
  const record = recording(storage.events);
  const { watcher, seen, repair } = broken({ attempts: 9, delayMs: 1_000, maxDelayMs: 1_000 });
  await before!.add(watcher);
  await record('1', new Deposited(1), new Deposited(2));
  await eventually(async () => (await before!.parked('fraud')).length === 1);
  await before!.close();
  repair();
  await after!.add(watcher);
  await record('1', new Deposited(3));
  await eventually(() => seen.length === 3);
  expect(seen).toEqual(['account-1 v1', 'account-1 v2', 'account-1 v3']);
  await after!.close();
});

it.each([2, 20])(
  'what comes while %s events that wait are being read is handled after them',
  async (waiting) => {
    const storage = await memory().open();
    const subscriptions = subscriptionsOn(storage);
    const record = recording(storage.events);
    const { watcher, seen, repair } = broken({ attempts: 1 });
    await subscriptions.add(watcher);
    await record('1', ...Array.from({ length: waiting }, (_, i) => new Deposited(i)));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    repair();
    let isReading = false;
    let letGo = (): void => undefined;
    const gate = new Promise<void>((open) => (letGo = open));
    const readAll = storage.events.readAll.bind(storage.events);
    jest.spyOn(storage.events, 'readAll').mockImplementation(async function* (query) {
      isReading ||= query?.streams !== undefined;
      // What waits behind the key is as it was when it was asked for.
      for await (const page of readAll(query)) {
        if (query?.streams) await gate;
        yield page;
      }
    });
    await subscriptions.retry('fraud', { key: 'account-1' }, { actor: 'ann' });
    await eventually(() => isReading);
    await record('1', new Deposited(3));
    const { head } = await storage.events.identity();
    await eventually(async () => (await subscriptions.status('fraud')).position >= head);
    letGo();
    await eventually(() => seen.length === waiting + 1);
    expect(seen).toEqual(Array.from({ length: waiting + 1 }, (_, i) => `account-1 v${i + 1}`));
    await subscriptions.close();
  },
);
