import { AsyncLocalStorage } from 'node:async_hooks';
import { checkAppend, type CheckedAppend } from './append-check.js';
import { AppendQueue, type AppendOutcome, type CommitBatch } from './append-queue.js';
import { StoreClosed, StoreUnavailable, StoreUnusable } from './errors.js';
import { newId } from './ids.js';
import type { AppendBatch } from './observed-facts.js';
import { silent, type Observer } from './observer.js';

function append(bytes = 2, count = 1, stream = 'a-1'): CheckedAppend {
  const events = Array.from({ length: count }, () => {
    const id = newId();
    const metadata = JSON.stringify({
      correlationId: id,
      source: 's',
      occurredAt: '2026-01-02T03:04:05.678Z',
    });
    return { id, type: 't', schemaVersion: 1, data: `"${'x'.repeat(bytes - 2)}"`, metadata };
  });
  return checkAppend([{ stream, expected: 'any', events }]);
}

function recorded({ appendId }: CheckedAppend): AppendOutcome {
  return { result: { appendId, position: 1, recordedAt: new Date(0), repeated: false, writes: [] } };
}

/** Commits that wait until they are let go, and remember what they were given. */
function gate(): { commit: CommitBatch; batches: string[][]; letGo: () => void } {
  const batches: string[][] = [];
  let waiting: (() => void)[] = [];
  const commit: CommitBatch = async (batch) => {
    batches.push(batch.map(({ appendId }) => appendId));
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { outcomes: batch.map(recorded) };
  };
  const letGo = (): void => {
    waiting.forEach((resolve) => resolve());
    waiting = [];
  };
  return { commit, batches, letGo };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('an idle queue sends at once, together with what was appended in the same breath', async () => {
  const { commit, batches, letGo } = gate();
  const queue = new AppendQueue(commit, { store: 'test' });
  const [one, two] = [append(), append()];
  const answers = [queue.append(one), queue.append(two)];
  await Promise.resolve();
  await Promise.resolve();
  expect(batches).toEqual([[one.appendId, two.appendId]]);
  letGo();
  expect((await Promise.all(answers)).map(({ appendId }) => appendId)).toEqual([one.appendId, two.appendId]);
});

it('what gathers while a batch is in flight becomes the next batch, in order', async () => {
  const { commit, batches, letGo } = gate();
  const queue = new AppendQueue(commit, { store: 'test' });
  const first = queue.append(append());
  await turn();
  const rest = [append(), append(), append()];
  const answers = rest.map((one) => queue.append(one));
  expect(batches).toHaveLength(1);
  letGo();
  await first;
  await turn();
  await turn();
  expect(batches[1]).toEqual(rest.map(({ appendId }) => appendId));
  letGo();
  await Promise.all(answers);
});

it('writers that are answered get into the batch that is cut next', async () => {
  const batches: number[] = [];
  const queue = new AppendQueue(
    async (batch) => {
      batches.push(batch.length);
      await turn();
      return { outcomes: batch.map(recorded) };
    },
    { store: 'test' },
  );
  const writer = async (_: unknown, nth: number): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      for (let breath = 0; i > 0 && breath < 3 * nth; breath++) await Promise.resolve();
      await queue.append(append());
    }
  };
  await Promise.all(Array.from({ length: 8 }, writer));
  expect(batches).toEqual([8, 8, 8, 8, 8]);
});

it('a batch is closed by events and by bytes, and an append larger than both goes alone', async () => {
  const sizes: number[] = [];
  const queue = new AppendQueue(
    async (batch) => {
      sizes.push(batch.length);
      return { outcomes: batch.map(recorded) };
    },
    { store: 'test', maxBatchEvents: 3, maxBatchBytes: 10_000 },
  );
  const appends = [
    append(2, 2),
    append(2, 1),
    append(2, 1),
    append(2, 9),
    append(2, 1),
    append(9_900),
    append(9_900),
  ];
  await Promise.all(appends.map((one) => queue.append(one)));
  expect(sizes).toEqual([2, 1, 1, 1, 1, 1]);
});

it('more bytes than may wait are pushed back, one append alone never is', async () => {
  const { commit, letGo } = gate();
  const queue = new AppendQueue(commit, { store: 'test', maxQueuedBytes: 1_000 });
  const first = queue.append(append(5_000));
  await turn();
  const second = queue.append(append(700));
  await expect(queue.append(append(700))).rejects.toThrow(StoreUnavailable);
  letGo();
  await first;
  await turn();
  await turn();
  const third = queue.append(append(700));
  letGo();
  await second;
  await turn();
  await turn();
  letGo();
  await third;
});

it('many small appends are pushed back as well: each takes room beside its bytes', async () => {
  const queue = new AppendQueue(async (batch) => ({ outcomes: batch.map(recorded) }), {
    store: 'test',
    maxQueuedBytes: 10_000,
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => queue.append(append(2))));
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...Array<string>(4).fill('fulfilled'),
    ...Array<string>(4).fill('rejected'),
  ]);
});

it('an append that fails leaves its neighbours unharmed', async () => {
  const [good, bad, alsoGood] = [append(), append(), append()];
  const queue = new AppendQueue(
    async (batch) => ({
      outcomes: batch.map((one) => (one === bad ? { error: new Error('conflict') } : recorded(one))),
    }),
    { store: 'test' },
  );
  const outcomes = await Promise.allSettled([good, bad, alsoGood].map((one) => queue.append(one)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('a batch that fails for the data of one append is sent one by one, in order', async () => {
  const appends = [append(), append(), append()];
  const sent: number[][] = [];
  const queue = new AppendQueue(
    async (batch) => {
      sent.push(batch.map((one) => appends.indexOf(one)));
      if (batch.includes(appends[1]!)) throw new Error('bad data');
      return { outcomes: batch.map(recorded) };
    },
    { store: 'test' },
  );
  const outcomes = await Promise.allSettled(appends.map((one) => queue.append(one)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(sent).toEqual([[0, 1, 2], [0], [1], [2]]);
});

it('a store that cannot be reached fails the batch as a whole, without sending it again', async () => {
  let sends = 0;
  const queue = new AppendQueue(
    async () => {
      sends++;
      throw new StoreUnavailable('test', 'unplugged');
    },
    { store: 'test' },
  );
  const outcomes = await Promise.allSettled([append(), append()].map((one) => queue.append(one)));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(sends).toBe(1);
});

it('an append for which the store gives no outcome is answered all the same', async () => {
  const queue = new AppendQueue(async (batch) => ({ outcomes: [recorded(batch[0]!)] }), { store: 'test' });
  const outcomes = await Promise.allSettled([append(), append()].map((one) => queue.append(one)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
});

it('close answers what was accepted and refuses what comes later', async () => {
  const { commit, batches, letGo } = gate();
  const queue = new AppendQueue(commit, { store: 'test' });
  const first = queue.append(append());
  await turn();
  const second = queue.append(append());
  let closed = false;
  const closing = queue.close().then(() => (closed = true));
  await expect(queue.append(append())).rejects.toThrow(StoreClosed);
  letGo();
  await first;
  await turn();
  await turn();
  expect(closed).toBe(false);
  letGo();
  await second;
  await closing;
  expect(batches).toHaveLength(2);
});

it('a queue that has run dry begins again', async () => {
  const queue = new AppendQueue(async (batch) => ({ outcomes: batch.map(recorded) }), { store: 'test' });
  for (let i = 0; i < 3; i++) {
    await queue.append(append());
    await turn();
    await turn();
  }
});

it('commits belong to no flow', async () => {
  const flow = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const queue = new AppendQueue(
    async (batch) => {
      seen.push(flow.getStore());
      return { outcomes: batch.map(recorded) };
    },
    { store: 'test' },
  );
  await flow.run('one', () => queue.append(append()));
  await flow.run('two', () => Promise.all([queue.append(append()), queue.append(append())]));
  expect(seen).toEqual([undefined, undefined]);
});

it('an observer learns the numbers of each batch', async () => {
  const told: AppendBatch[] = [];
  const observer: Observer = { ...silent, appendBatch: (facts) => told.push(facts()) };
  const [one, two] = [append(10, 2), append(10, 1)];
  const commit: CommitBatch = async (batch) => ({
    outcomes: batch.map((it) => (it === two ? { error: new Error('x') } : recorded(it))),
    lockWaitMs: 7,
  });
  const queue = new AppendQueue(commit, { store: 'test', observer });
  await Promise.allSettled([queue.append(one), queue.append(two)]);
  expect(told).toMatchObject([
    {
      store: 'test',
      appends: 2,
      events: 3,
      bytes: one.bytes + two.bytes,
      failed: 1,
      lockWaitMs: 7,
      queued: 0,
    },
  ]);
});

it('an observer learns how far the time that a batch was given is ahead, which a repeated append was given long ago', async () => {
  jest.spyOn(Date, 'now').mockReturnValue(10_000);
  const told: number[] = [];
  const observer: Observer = { ...silent, appendBatch: (facts) => told.push(facts().clockAheadMs) };
  const outcome = (at: number, repeated = false): AppendOutcome => ({
    result: { appendId: 'x', position: 1, recordedAt: new Date(at), repeated, writes: [] },
  });
  const batches = [[outcome(9_000)], [outcome(12_000), outcome(11_000)], [outcome(15_000, true)]];
  const queue = new AppendQueue(async () => ({ outcomes: batches.shift()! }), { store: 'test', observer });
  await queue.append(append(10, 1));
  await Promise.all([queue.append(append(10, 1)), queue.append(append(10, 1))]);
  await queue.append(append(10, 1));
  await queue.close();
  jest.restoreAllMocks();
  expect(told).toEqual([0, 2_000, 0]);
});

it('a batch that no store can take is not sent again one by one', async () => {
  let commits = 0;
  const queue = new AppendQueue(
    async () => {
      commits++;
      throw new StoreUnusable('test', 'full', 'no room');
    },
    { store: 'test' },
  );
  const outcomes = await Promise.allSettled([append(), append(), append()].map((it) => queue.append(it)));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(commits).toBe(1);
});
