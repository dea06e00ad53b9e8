import { setTimeout as wait } from 'node:timers/promises';
import { StoreUnavailable, memory, type OpenStorage } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { Deposited, recording } from '../../../test/support/bank-events.js';
import { Balances, projectionsOn, totals } from '../../../test/support/projecting.js';
import type { Projections } from './projections.js';

let storage: OpenStorage;
let projections: Projections;
let started: string[];
const observer: Observer = {
  ...silent,
  consumer: (facts) => void (facts().change === 'started' && started.push(facts().consumer)),
};
beforeEach(async () => {
  started = [];
  storage = await memory().open();
  await recording(storage.events)('1', new Deposited(5));
  projections = projectionsOn(storage, [Balances, totals()], { leaseMs: 100, observer });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await projections.close();
  await storage.close();
});

it('closed while they start, nothing of them goes on', async () => {
  const starting = projections.start();
  const closing = projections.close();
  await expect(starting).rejects.toMatchObject({ code: 'BACKSTORY_STORE_CLOSED' });
  await closing;
  expect(await storage.state.leases()).toEqual([]);
  const reads = jest.spyOn(storage.state, 'read');
  // Whoever runs one looks around four times in the time of a lease.
  await wait(200);
  expect(reads).not.toHaveBeenCalled();
  await expect(projections.start()).rejects.toMatchObject({ code: 'BACKSTORY_STORE_CLOSED' });
});

it('started twice at once, each of them runs once', async () => {
  await Promise.all([projections.start(), projections.start()]);
  expect(started).toEqual(['projection balances', 'projection totals']);
});

it('a start that fails may be tried again', async () => {
  jest
    .spyOn(storage.state, 'transaction')
    .mockRejectedValueOnce(new StoreUnavailable('memory', 'it is away'));
  await expect(projections.start()).rejects.toThrow('it is away');
  await projections.start();
  await projections.caughtUp(Balances, 1);
});
