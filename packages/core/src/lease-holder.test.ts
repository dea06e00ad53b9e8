import { StoreUnavailable } from './errors.js';
import { LeaseHolder } from './lease-holder.js';
import { MemoryStateStore } from './memory-state-store.js';
import type { LeaseChanged } from './observed-facts.js';
import { silent } from './observer.js';

const TTL = 600;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

function setUp() {
  const state = new MemoryStateStore();
  const told: string[] = [];
  const observer = {
    ...silent,
    lease: (facts: () => LeaseChanged) => {
      const { lease, owner, change } = facts();
      told.push(`${owner} ${change} ${lease}`);
    },
  };
  /** How long the process of a holder was stopped: its timers did not run, and its clock went on. */
  const stopped = { ms: 0 };
  const holder = (owner: string) =>
    new LeaseHolder(state, { owner, ttlMs: TTL, observer, now: () => performance.now() + stopped.ms });
  const put = (lease: { readonly name: string; readonly token: number }, value: string) =>
    state.transaction([lease], (tx) => tx.put('c', 'k', value));
  return { state, told, holder, stopped, put };
}

it('a lease is held for as long as its holder beats, and nobody else gets it', async () => {
  const { holder, told, put } = setUp();
  const [one, two] = [holder('one'), holder('two')];
  const lease = (await one.acquire('job'))!;
  for (let i = 0; i < 10; i++) {
    await pass(TTL);
    expect(await two.acquire('job')).toBeUndefined();
  }
  expect([lease.isHeld, lease.signal.aborted, one.held]).toEqual([true, false, [lease]]);
  await put(lease, 'v');
  expect(await one.acquire('job')).toBe(lease);
  expect(told).toEqual(['one acquired job']);
});

it('all leases are renewed in one call, three times in their time', async () => {
  const { holder, state } = setUp();
  const renew = jest.spyOn(state, 'renew');
  const one = holder('one');
  await Promise.all(['a', 'b', 'c'].map((name) => one.acquire(name)));
  await pass(TTL * 4);
  expect(renew.mock.calls.map(([leases]) => leases.length)).toEqual(Array.from({ length: 12 }, () => 3));
});

it('a lease that is given up is free at once, with a higher token', async () => {
  const { holder, told, put } = setUp();
  const [one, two] = [holder('one'), holder('two')];
  const first = (await one.acquire('job'))!;
  await one.release(first);
  const second = (await two.acquire('job'))!;
  expect(second.token).toBeGreaterThan(first.token);
  expect([first.isHeld, first.signal.aborted]).toEqual([false, true]);
  await one.release(first);
  await put(second, 'v');
  expect(told).toEqual(['one acquired job', 'one released job', 'two acquired job']);
});

it('a lease whose giving up the store did not hear of is given up by the next beat, or before it is taken again', async () => {
  const { holder, state, put } = setUp();
  const [one, two] = [holder('one'), holder('two')];
  const first = (await one.acquire('job'))!;
  const gone = () =>
    jest.spyOn(state, 'release').mockRejectedValueOnce(new StoreUnavailable('memory', 'gone'));
  gone();
  await expect(one.release(first)).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNAVAILABLE' });
  const second = (await one.acquire('job'))!;
  expect(second.token).toBeGreaterThan(first.token);
  await expect(put(first, 'late')).rejects.toMatchObject({ code: 'BACKSTORY_FENCE_LOST' });
  gone();
  await expect(one.release(second)).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNAVAILABLE' });
  await pass(TTL / 2);
  expect((await two.acquire('job'))!.token).toBeGreaterThan(second.token);
});

it('closing gives up every lease, also one that is being taken, and takes no more', async () => {
  const { holder, state } = setUp();
  const one = holder('one');
  await Promise.all(['a', 'b'].map((name) => one.acquire(name)));
  const late = one.acquire('c');
  const refused = expect(late).rejects.toMatchObject({ code: 'BACKSTORY_STORE_CLOSED' });
  expect(await one.close()).toBeUndefined();
  await refused;
  expect([await state.leases(), one.held]).toEqual([[], []]);
  await expect(one.acquire('a')).rejects.toMatchObject({ code: 'BACKSTORY_STORE_CLOSED' });
  await pass(TTL * 3);
  expect(jest.getTimerCount()).toBe(0);
});

describe('a state store that gives no answer', () => {
  /** What it says of this lease when it is given up. */
  const silentOf = (state: MemoryStateStore, name: string) => {
    const release = state.release.bind(state);
    return jest
      .spyOn(state, 'release')
      .mockImplementation((lease) => (lease.name === name ? new Promise(() => undefined) : release(lease)));
  };

  it('does not hold up closing: the others are given up at once, this one runs out, and it says why', async () => {
    const { holder, state } = setUp();
    const one = holder('one');
    await Promise.all(['a', 'b', 'c'].map((name) => one.acquire(name)));
    silentOf(state, 'b');
    const said = jest.fn();
    void one.close().then(said);
    await pass(0);
    expect((await state.leases()).map(({ name }) => name)).toEqual(['b']);
    await pass(5_000);
    const why = expect.stringContaining(
      'no answer within 5000 ms to giving up lease b, which runs out',
    ) as string;
    expect(said.mock.calls).toEqual([[why]]);
    expect(await holder('two').acquire('b')).toBeDefined();
  });

  it('does not hold up giving up a lease, which is tried again', async () => {
    const { holder, state } = setUp();
    const one = holder('one');
    const lease = (await one.acquire('a'))!;
    const silence = silentOf(state, 'a');
    const refused = jest.fn();
    one.release(lease).catch(refused);
    await pass(5_000);
    const reason = 'no answer within 5000 ms to giving up lease a, which runs out';
    expect(refused.mock.calls).toMatchObject([[{ code: 'BACKSTORY_STORE_UNAVAILABLE', reason }]]);
    silence.mockRestore();
    await pass(5_000 + TTL);
    expect(await state.leases()).toEqual([]);
  });
});

it('a store that gives no answer to giving up one lease keeps nobody from renewing the others', async () => {
  const { holder, state } = setUp();
  const one = holder('one');
  const [a, b] = [(await one.acquire('a'))!, (await one.acquire('b'))!];
  jest.spyOn(state, 'release').mockReturnValue(new Promise(() => undefined));
  one.release(a).catch(() => undefined);
  await pass(5_000 + TTL * 3);
  expect(b.isHeld).toBe(true);
});

it('after a renewal that never returned what is taken is renewed again', async () => {
  const { holder, state } = setUp();
  const one = holder('one');
  const lost = (await one.acquire('job'))!;
  jest.spyOn(state, 'renew').mockReturnValueOnce(new Promise(() => undefined));
  await pass(TTL * 2);
  expect(lost.isHeld).toBe(false);
  const lease = (await one.acquire('job'))!;
  await pass(TTL * 3);
  expect(lease.isHeld).toBe(true);
});

it('a holder that was stopped knows by its own clock that the lease is lost, before it asks anybody', async () => {
  const { holder, stopped, told } = setUp();
  const one = holder('one');
  const lease = (await one.acquire('job'))!;
  stopped.ms += TTL - 1;
  expect(lease.isHeld).toBe(true);
  stopped.ms += 1;
  expect([lease.isHeld, one.held]).toEqual([false, []]);
  await pass(TTL / 6);
  expect(lease.signal.aborted).toBe(true);
  expect(told).toEqual(['one acquired job', 'one lost job']);
});

it('a lease lost by its own clock is given up before it is taken again: old work cannot write with the new token', async () => {
  const { holder, stopped, put } = setUp();
  const one = holder('one');
  const old = (await one.acquire('job'))!;
  stopped.ms += TTL;
  const fresh = (await one.acquire('job'))!;
  expect(fresh.token).toBeGreaterThan(old.token);
  await expect(put(old, 'old')).rejects.toMatchObject({ code: 'BACKSTORY_FENCE_LOST' });
  await put(fresh, 'fresh');
});

it('a lease lost by its own clock is given up by itself, so that others need not wait', async () => {
  const { holder, stopped, state } = setUp();
  const one = holder('one');
  await one.acquire('job');
  stopped.ms += TTL;
  await pass(TTL / 2);
  expect(await state.leases()).toEqual([]);
});

it('a lease that another took over is noticed at the next renewal, and only that one', async () => {
  const { holder, state, told } = setUp();
  const one = holder('one');
  const [a, b] = [(await one.acquire('a'))!, (await one.acquire('b'))!];
  await state.release((await state.leases('a'))[0]!);
  await holder('two').acquire('a');
  await pass(TTL / 3);
  expect([a.signal.aborted, b.signal.aborted]).toEqual([true, false]);
  expect(told.slice(2)).toEqual(['two acquired a', 'one lost a']);
});

it('an outage shorter than the time of a lease costs nothing; a longer one loses it', async () => {
  const { holder, state } = setUp();
  const one = holder('one');
  const lease = (await one.acquire('job'))!;
  const renew = jest.spyOn(state, 'renew').mockRejectedValue(new StoreUnavailable('memory', 'gone'));
  await pass(TTL * 0.8);
  renew.mockRestore();
  await pass(TTL);
  expect(lease.isHeld).toBe(true);
  jest.spyOn(state, 'renew').mockRejectedValue(new StoreUnavailable('memory', 'gone'));
  await pass(TTL * 1.5);
  expect([lease.isHeld, lease.signal.aborted]).toEqual([false, true]);
});

it('a renewal that never returns does not keep the loss a secret', async () => {
  const { holder, state } = setUp();
  const lease = (await holder('one').acquire('job'))!;
  jest.spyOn(state, 'renew').mockReturnValue(new Promise(() => undefined));
  await pass(TTL * 1.5);
  expect(lease.signal.aborted).toBe(true);
});

it('a renewal counts from when it was asked for: an answer that comes late prolongs nothing', async () => {
  const { holder, state, stopped } = setUp();
  const lease = (await holder('one').acquire('job'))!;
  const real = state.renew.bind(state);
  jest.spyOn(state, 'renew').mockImplementation(async (leases) => {
    const renewed = await real(leases);
    stopped.ms += TTL;
    return renewed;
  });
  await pass(TTL / 3 + TTL / 6);
  expect(lease.signal.aborted).toBe(true);
});

it('of two calls in one moment for one lease both get the same', async () => {
  const { holder } = setUp();
  const one = holder('one');
  const [first, second] = await Promise.all([one.acquire('job'), one.acquire('job')]);
  expect(first).toBe(second);
});
