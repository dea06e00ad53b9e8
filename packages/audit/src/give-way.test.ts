import { GiveWay } from './give-way.js';

const { signal } = new AbortController();

/** Somebody who appends, and how long work has rested. */
function beside(restMs = 0) {
  let wake = (): void => undefined;
  let head = 7;
  let listening = true;
  const rests: number[] = [];
  const store = {
    onAppend: (whoListens: () => void) => {
      wake = whoListens;
      return () => void (listening = false);
    },
    identity: async () => ({ logId: 'log', epoch: 1, epochStart: 0, head }),
  };
  const way = new GiveWay(store, head, async (ms) => {
    rests.push(ms);
    work(restMs);
  });
  const append = () => {
    head++;
    wake();
  };
  return { way, rests, append, wake: () => wake(), isListening: () => listening };
}

const work = (ms: number) => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

test('while nobody appends work does not rest', async () => {
  const { way, rests } = beside();
  work(2);
  await way.afterWork(signal);
  expect(rests).toEqual([]);
});

test('a wake-up without an append is none', async () => {
  const { way, rests, append, wake } = beside();
  for (let piece = 0; piece < 2; piece++) {
    work(2);
    wake();
    await way.afterWork(signal);
  }
  expect(rests).toEqual([]);
  append();
  wake();
  await way.afterWork(signal);
  wake();
  await way.afterWork(signal);
  expect(rests).toHaveLength(2);
});

test('while others append work rests nine times as long as it took', async () => {
  const { way, rests, append } = beside();
  append();
  for (let piece = 0; piece < 3; piece++) {
    work(5);
    await way.afterWork(signal);
  }
  expect(rests).toHaveLength(3);
  for (const rested of rests) expect(rested).toBeGreaterThanOrEqual(45);
});

test('neither a rest nor what a store was waited for is taken for work', async () => {
  const { way, rests, append } = beside(60);
  append();
  for (let piece = 0; piece < 3; piece++) await way.afterWork(signal);
  expect(Math.max(...rests)).toBeLessThan(9 * 60);
  work(150);
  append();
  await way.afterWork(signal);
  expect(rests.at(-1)).toBe(1_000);
});

test('it does not rest for an append of long ago, and listens no longer than it works', async () => {
  const { way, rests, append, isListening } = beside();
  append();
  work(501);
  await way.afterWork(signal);
  expect(rests).toEqual([]);
  way.close();
  expect(isListening()).toBe(false);
});

test('a rest ends when the work is to stop', async () => {
  const stop = new AbortController();
  const store = {
    onAppend: (wake: () => void) => {
      wake();
      return () => undefined;
    },
    identity: async () => ({ logId: 'log', epoch: 1, epochStart: 0, head: 8 }),
  };
  const way = new GiveWay(store, 7);
  work(50);
  const resting = way.afterWork(stop.signal);
  stop.abort(new Error('the lease was lost'));
  await expect(resting).rejects.toThrow('the lease was lost');
});
