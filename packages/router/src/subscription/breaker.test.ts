import { StoreUnavailable, memory } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching, subscriptionsOn } from '../../../../test/support/subscribing.js';
import { Breaker } from './breaker.js';

it('an outage is over when a probe succeeds, and not with what had begun before; each probe that fails has the next one wait longer', () => {
  const told: string[] = [];
  const options = { keys: 10, probeMs: 1_000, maxProbeMs: 5_000 };
  const breaker = new Breaker(options, (change) => told.push(change));
  breaker.open('infrastructure', 'refused');
  breaker.succeeded(false);
  expect(breaker.outage).toBe('infrastructure');
  const waits = [1, 2, 3, 4].map(() => {
    const { probeMs } = breaker;
    breaker.probeFailed();
    return probeMs;
  });
  expect(waits).toEqual([1_000, 2_000, 4_000, 5_000]);
  breaker.succeeded(true);
  expect(breaker.outage).toBeUndefined();
  breaker.open('infrastructure', 'refused');
  expect(breaker.probeMs).toBe(1_000);
  expect(told).toEqual(['open', 'closed', 'open']);
});

it.each([
  [1, 'open'],
  [2, undefined],
] as const)('keys that fail with %s handled after each leave it %s', (between, change) => {
  const told: string[] = [];
  const breaker = new Breaker({ keys: 3, probeMs: 1, maxProbeMs: 1 }, (it) => told.push(it));
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
    breaker.failed(key, 'no');
    for (let i = 0; i < between; i++) breaker.succeeded(false);
  }
  expect(told[0]).toBe(change);
});

it('a probe that runs out of time ends no outage', async () => {
  const storage = await memory().open();
  const subscriptions = subscriptionsOn(storage);
  let calls = 0;
  let isHandled = false;
  const handle = (_event: object, _recorded: object, { signal }: { readonly signal: AbortSignal }) => {
    if (++calls === 1) throw new StoreUnavailable('a store', 'refused');
    if (calls < 4) return new Promise((end) => signal.addEventListener('abort', end));
    isHandled = true;
    return undefined;
  };
  const options = { timeoutMs: 5, retry: { attempts: 1 }, breaker: { probeMs: 5, maxProbeMs: 5 } };
  await subscriptions.add(watching('fraud', handle, options));
  await recording(storage.events)('1', new Deposited(1));
  // Otherwise its one attempt would be spent.
  await eventually(() => isHandled);
  await subscriptions.close();
});

it('a probe that fails with its own event ends an outage: what it needs has answered', async () => {
  const storage = await memory().open();
  const subscriptions = subscriptionsOn(storage);
  let calls = 0;
  const handle = () => {
    throw calls++ === 0 ? new StoreUnavailable('a store', 'refused') : new Error('no such rule');
  };
  const options = { retry: { attempts: 1 }, breaker: { probeMs: 5, maxProbeMs: 5 } };
  await subscriptions.add(watching('fraud', handle, options));
  await recording(storage.events)('1', new Deposited(1));
  const status = await eventually(async () => {
    const now = await subscriptions.status('fraud');
    return now.parked.dead === 1 && now;
  });
  expect(status.state).toBe('live');
  await subscriptions.close();
});

test('of many first attempts that fail those of one key are one', () => {
  const breaker = new Breaker({ keys: 2, probeMs: 1, maxProbeMs: 1 }, () => undefined);
  for (let i = 0; i < 3; i++) breaker.failed('account-1', 'no such rule');
  expect(breaker.outage).toBeUndefined();
  breaker.failed('account-2', 'no such rule');
  expect(breaker.outage).toBe('many-keys');
});

test('it opens where a search through the last first attempts says so, whatever comes in which order', () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const keys = 4;
  for (let run = 0; run < 300; run++) {
    let opened = 0;
    const breaker = new Breaker(
      { keys, probeMs: 1, maxProbeMs: 1 },
      (it) => (opened += it === 'open' ? 1 : 0),
    );
    const all: (string | undefined)[] = [];
    let expected = 0;
    for (let i = 0; i < 40; i++) {
      const key = random(3) === 0 ? undefined : `key-${random(6)}`;
      if (key === undefined) breaker.succeeded(false);
      else breaker.failed(key, 'no');
      // What is handled while nothing fails is not remembered.
      if (key !== undefined || all.slice(-2 * keys).some((it) => it !== undefined)) all.push(key);
      const failing = new Set(all.slice(-2 * keys).filter((it) => it !== undefined));
      if (key !== undefined && failing.size >= keys) expected = 1;
      expect({ run, i, opened }).toEqual({ run, i, opened: expected });
      if (expected) break;
    }
  }
});
