import { setImmediate as turn } from 'node:timers/promises';
import { Recorder, memory } from '@backstory/core';
import { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, watching } from '../../../../test/support/subscribing.js';
import { Ownership } from './ownership.js';
import { PartitionState } from './partition-state.js';

afterEach(() => jest.restoreAllMocks());

it('a save that is under way when a reset is carried out writes nothing after it', async () => {
  const storage = await memory().open();
  const record = recording(storage.events);
  const recorder = new Recorder(storage.events, { source: 'test' });
  const [owner, next] = [1, 2].map(() => new Subscriptions({ ...storage, recorder }));
  let save = (): void => undefined;
  const held = new Promise<void>((done) => (save = done));
  let isFailing = true;
  const seen: string[] = [];
  const desk = watching(
    'fraud',
    (_event, recorded) => {
      if (isFailing) throw new Error('as planned');
      seen.push(place(recorded));
    },
    { retry: { attempts: 1 } },
  );
  // Its transaction comes late: the log was looked at, and what is to be written is known.
  const real = storage.state.transaction.bind(storage.state);
  const saving = jest.spyOn(PartitionState.prototype, 'save').mockImplementationOnce(async function (
    this: PartitionState,
    ...given
  ) {
    jest.spyOn(storage.state, 'transaction').mockImplementationOnce(async (...work) => {
      await held;
      return real(...work);
    });
    return PartitionState.prototype.save.apply(this, given);
  });
  await owner!.add(desk);
  await record('1', new Deposited(1));
  await eventually(() => saving.mock.calls.length > 0);
  isFailing = false;
  const restarting = jest.spyOn(Ownership.prototype, 'restart');
  await owner!.reset('fraud', 'beginning', { actor: 'ann' });
  await eventually(() => restarting.mock.calls.length > 0);
  for (let i = 0; i < 50; i++) await turn();
  save();
  await eventually(() => seen.length > 0);
  await owner!.close();
  expect(await next!.parked('fraud')).toEqual([]);
  await next!.add(desk);
  await record('1', new Deposited(2));
  await eventually(() => seen.length > 1);
  expect(seen).toEqual(['account-1 v1', 'account-1 v2']);
  await next!.close();
});
