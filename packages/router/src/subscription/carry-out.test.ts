import type { HeldLease } from '@backstory/core/state';
import { carryOut } from './carry-out.js';
import type { Dispatcher } from './dispatcher.js';
import { DeadKey, type ParkedKey } from './parked-key.js';
import { Partition } from './partition.js';

it('what is asked of all dead keys waits until each record has been read, and is done once', () => {
  const partition = new Partition(3, {} as HeldLease, { through: 5, ahead: [] });
  const [one, two] = ['account-1', 'account-2'].map((key) => {
    const lane = partition.lane(key);
    partition.load(lane, new DeadKey(key, 4));
    lane.state = 'dead';
    return lane;
  });
  const drain = jest.fn(() => true);
  const dispatcher = { partitions: new Map([[3, partition]]), parking: { drain } } as unknown as Dispatcher;
  const request = { action: 'retry', actor: 'ann', at: '2026-11-20T00:00:00.000Z' } as const;
  const asked = [{ at: '03/1', partition: 3, request }];
  const voided = jest.fn();
  one!.recall({ key: 'account-1', state: 'dead', cursor: 4 } as ParkedKey);
  carryOut(dispatcher, asked, voided);
  expect(drain).not.toHaveBeenCalled();
  two!.recall({ key: 'account-2', state: 'dead', cursor: 4 } as ParkedKey);
  carryOut(dispatcher, asked, voided);
  carryOut(dispatcher, asked, voided);
  expect(drain.mock.calls).toEqual([
    [one, {}],
    [two, {}],
  ]);
  expect([...partition.done]).toEqual(['03/1']);
  expect(voided).not.toHaveBeenCalled();
});
