import type { StateStore } from '@backstory/core';
import {
  FenceLost,
  type Lease,
  type MemoryState,
  MemoryStateStore,
  type StateEntry,
  type StateTransaction,
  type StateView,
} from '@backstory/core/state';
import { delegating } from './delegating.js';

/** The memory state store with one defect that a real one might have, and the case that must notice it. */
export interface StateMutant {
  readonly defect: string;
  readonly killedBy: string;
  readonly make: (clock: { readonly now?: () => number }, state: MemoryState) => StateStore;
}

type Defect = (store: StateStore, now: () => number) => Partial<StateStore>;

export const stateMutants: readonly StateMutant[] = [
  mutant(
    'the fence is checked before the transaction instead of within it',
    'a lease that is taken over while a transaction under it runs stops that transaction, or waits for its end',
    (store) => ({
      transaction: async (fences, work) => {
        const [fence] = fences;
        const held = (await store.leases()).some(
          ({ name, token }) => name === fence?.name && token === fence.token,
        );
        if (fence && !held) throw new FenceLost(fence.name, fence.token);
        return store.transaction([], work);
      },
    }),
  ),
  mutant(
    'only the first of several fences is checked',
    'a transaction under several leases needs every one of them',
    (store) => ({ transaction: (fences, work) => store.transaction(fences.slice(0, 1), work) }),
  ),
  mutant(
    'the fence is ignored',
    'a transaction under a lease that was released, never given or given with another token is refused',
    (store) => ({ transaction: (_fences, work) => store.transaction([], work) }),
  ),
  mutant(
    'a fence asks for the time of the lease',
    'a transaction under a lease that is held commits, also one that has run out and was not taken over',
    (store, now) => ({
      transaction: async (fences, work) => {
        const [fence] = fences;
        const held = (await store.leases()).find(({ token }) => token === fence?.token);
        if (fence && (held?.expiresAt.getTime() ?? 0) < now()) throw new FenceLost(fence.name, fence.token);
        return store.transaction(fences, work);
      },
    }),
  ),
  mutant(
    'the clock is that of somebody else',
    'the clock that the store tells is the one by which leases run out',
    (store) => ({
      now: async () => new Date((await store.now()).getTime() - 60_000),
    }),
  ),
  mutant(
    'the token is not raised',
    'tokens rise over releases, so that a token is never given twice',
    (store) => ({
      acquire: async (name, options) => {
        const lease = await store.acquire(name, options);
        return lease && { ...lease, token: 1 };
      },
    }),
  ),
  mutant(
    'an owner that takes its lease again gets another token',
    'an owner that takes its lease again keeps the token and gets new time, also when it had run out',
    (store) => ({
      acquire: async (name, options) => {
        const [held] = await store.leases(name);
        if (held?.owner === options.owner) await store.release(held);
        return store.acquire(name, options);
      },
    }),
  ),
  mutant(
    'a lease that has run out is not free',
    'a lease is held to the last millisecond and free when its time is over; the token rises',
    (store) => ({
      acquire: async (name, options) => {
        const [held] = await store.leases(name);
        return held && held.owner !== options.owner ? undefined : store.acquire(name, options);
      },
    }),
  ),
  mutant(
    'a lease is free a moment too early',
    'a lease is held to the last millisecond and free when its time is over; the token rises',
    (store, now) => ({
      acquire: async (name, options) => {
        const [held] = await store.leases(name);
        if (held && held.expiresAt.getTime() - 1 <= now()) await store.release(held);
        return store.acquire(name, options);
      },
    }),
  ),
  mutant(
    'several get a lease in one moment',
    'of many that take a lease in one moment one gets it',
    (store) => ({
      acquire: async (name, options) => {
        const held = await store.leases(name);
        await turn();
        for (const lease of held.length === 0 ? await store.leases(name) : []) await store.release(lease);
        return store.acquire(name, options);
      },
    }),
  ),
  mutant(
    'releasing frees the lease whoever has it',
    'releasing a lease that was lost leaves its new owner alone',
    (store) => ({
      release: async ({ name }) => {
        for (const held of await store.leases(name)) await store.release(held);
      },
    }),
  ),
  mutant(
    'renewing tells of lost leases as well',
    'renewing gives new time from now to the leases that are held, and leaves out the lost ones',
    (store) => ({
      renew: async (leases) => {
        await store.renew(leases);
        return leases;
      },
    }),
  ),
  mutant(
    'leases that have run out are not listed',
    'leases are listed by prefix in byte order, those that have run out as well, with what they were given',
    (store, now) => ({
      leases: async (prefix) =>
        (await store.leases(prefix)).filter((lease) => lease.expiresAt.getTime() > now()),
    }),
  ),
  mutant(
    'leases are listed as JavaScript sorts',
    'leases are listed by prefix in byte order, those that have run out as well, with what they were given',
    (store) => ({
      leases: async (prefix): Promise<readonly Lease[]> =>
        [...(await store.leases(prefix))].sort((a, b) => (a.name < b.name ? -1 : 1)),
    }),
  ),
  reader(
    'a list backwards takes its limit from the wrong end',
    'a list goes backwards from its upper bound, within the same bounds',
    (view) => ({
      list: async (collection, query = {}) => {
        const found = await view.list(collection, { ...query, backwards: false });
        return query.backwards ? [...found].reverse() : found;
      },
    }),
  ),
  reader(
    'the upper bound of a list is left out',
    'a list goes backwards from its upper bound, within the same bounds',
    (view) => ({
      list: async (collection, query = {}) =>
        (await view.list(collection, query)).filter(({ key }) => key !== query.upTo),
    }),
  ),
  mutant(
    'transactions may be nested, each on its own',
    'a transaction inside a transaction is refused rather than waited for; after it there may be another',
    (store) => ({ transaction: (_fences, work) => work(atOnce(store)) }),
  ),
  reader('keys are listed as JavaScript sorts', 'keys are listed in the order of their bytes', (view) => ({
    list: async (collection, query) =>
      [...(await view.list(collection, query))].sort((a, b) => (a.key < b.key ? -1 : 1)),
  })),
  reader(
    'a prefix is a pattern',
    'a list keeps to prefix, after and limit; a prefix is text, not a pattern',
    (view) => ({
      list: async (collection, { prefix = '', ...query } = {}) => {
        const pattern = new RegExp(`^${prefix.replaceAll('%', '.*').replaceAll('_', '.')}`, 'su');
        return (await view.list(collection, query)).filter(({ key }) => pattern.test(key));
      },
    }),
  ),
  reader(
    'after is included',
    'a list keeps to prefix, after and limit; a prefix is text, not a pattern',
    (view) => ({
      list: async (collection, { after, ...query } = {}) =>
        (await view.list(collection, query)).filter(
          ({ key }) => !after || Buffer.compare(Buffer.from(key), Buffer.from(after)) >= 0,
        ),
    }),
  ),
  reader(
    'a list has no limit of its own',
    'a list has at most 1,000 entries where no limit is given',
    (view) => ({
      list: (collection, query) => view.list(collection, { limit: 1_000_000, ...query }),
    }),
  ),
  reader(
    'an empty value is none',
    'values come back character by character; an empty value is a value',
    (view) => ({
      get: async (collection, key) => (await view.get(collection, key)) || undefined,
    }),
  ),
  reader(
    'getMany is of one collection',
    'a transaction reads what it wrote, in every way of reading',
    (view) => ({
      getMany: async (collection) =>
        new Map((await view.list(collection)).map(({ key, value }) => [key, value])),
    }),
  ),
  mutant(
    'a failed transaction keeps what it wrote',
    'a transaction whose work throws leaves nothing and passes the error on',
    (store) => ({
      transaction: async (fences, work) => {
        let failure: { error: unknown } | undefined;
        const result = await store.transaction(fences, (state) =>
          work(state).catch((error: unknown): never => {
            failure = { error };
            return undefined as never;
          }),
        );
        if (failure) throw failure.error;
        return result;
      },
    }),
  ),
  mutant(
    'what is not committed is visible',
    'nobody reads what a transaction has not committed',
    (store) => ({
      transaction: async (_fences, work) => work(atOnce(store)),
    }),
  ),
  mutant(
    'what is not committed is visible, to reads that take their time',
    'nobody reads what a transaction has not committed',
    (store) => ({
      transaction: async (_fences, work) => work(atOnce(store)),
      read: async (work) => {
        await new Promise((done) => setTimeout(done, 1_100));
        return store.read(work);
      },
    }),
  ),
  mutant(
    'transactions overlap',
    'concurrent transactions behave as if they ran one after another: no increment is lost',
    (store) => ({
      transaction: async (_fences, work) => work(atOnce(store)),
    }),
  ),
  mutant(
    'a transaction does not read what it wrote',
    'a transaction reads what it wrote, in every way of reading',
    (store) => ({
      transaction: (fences, work) =>
        store.transaction(fences, (state) =>
          store.read((view) => work(delegating<StateTransaction>(state, readsOf(view)))),
        ),
    }),
  ),
  mutant(
    'a read sees what is written meanwhile',
    'a read sees one moment, whatever is written while it runs',
    (store) => ({
      read: async (work) => work(atOnce(store)),
    }),
  ),
  mutant(
    'a transaction can be used after its end',
    'a transaction that has ended can neither be read nor written through',
    (store) => ({
      transaction: async (fences, work) => {
        let ended = false;
        try {
          return await store.transaction(fences, (state) =>
            work(delegating(state, { get: async (c, k) => (ended ? undefined : state.get(c, k)) })),
          );
        } finally {
          ended = true;
        }
      },
    }),
  ),
  mutant(
    'clear takes collections that begin alike with it',
    'collections are apart from each other: clear and delete touch one only',
    (store) => ({
      transaction: (fences, work) =>
        store.transaction(fences, (state) => {
          const clear = async (collection: string): Promise<void> => {
            for (const one of [collection, `${collection}2`]) await state.clear(one);
          };
          return work(delegating(state, { clear }));
        }),
    }),
  ),
  mutant(
    'close does not wait',
    'close waits for the transaction that runs; those that come later are refused',
    (store) => ({
      close: async () => void store.close(),
    }),
  ),
];

function mutant(defect: string, killedBy: string, spoil: Defect): StateMutant {
  const make: StateMutant['make'] = (clock, state) => {
    const store = new MemoryStateStore(clock, state);
    return delegating<StateStore>(store, spoil(store, clock.now ?? Date.now));
  };
  return { defect, killedBy, make };
}

/** A defect of reading, in transactions and outside. */
function reader(
  defect: string,
  killedBy: string,
  spoil: (view: StateView) => Partial<StateView>,
): StateMutant {
  return mutant(defect, killedBy, (store) => ({
    read: (work) => store.read((view) => work(delegating(view, spoil(view)))),
    transaction: (fences, work) =>
      store.transaction(fences, (state) => work(delegating<StateTransaction>(state, spoil(state)))),
  }));
}

function readsOf(view: StateView): StateView {
  return {
    get: (collection, key) => view.get(collection, key),
    getMany: (collection, keys) => view.getMany(collection, keys),
    list: (collection, query) => view.list(collection, query),
    count: (collection) => view.count(collection),
  };
}

/** Reads and writes each on their own, as without a transaction. */
function atOnce(store: StateStore): StateTransaction {
  const write = (work: (state: StateTransaction) => Promise<void>) => store.transaction([], work);
  return {
    get: (collection, key) => store.read((view) => view.get(collection, key)),
    getMany: (collection, keys) => store.read((view) => view.getMany(collection, keys)),
    list: (collection, query) => store.read((view) => view.list(collection, query)),
    count: (collection) => store.read((view) => view.count(collection)),
    put: (collection, key, value) => write((state) => state.put(collection, key, value)),
    putMany: (collection, entries: readonly StateEntry[]) =>
      write((state) => state.putMany(collection, entries)),
    delete: (collection, key) => write((state) => state.delete(collection, key)),
    deleteMany: (collection, keys) => write((state) => state.deleteMany(collection, keys)),
    clear: (collection) => write((state) => state.clear(collection)),
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
