import { guarded } from './guarded.js';
import { silent, type Observer } from './observer.js';

const broken = new Proxy(silent, {
  get: () => () => {
    throw new Error('the exporter is broken');
  },
});
const ignore = () => undefined;

describe('an observer that fails', () => {
  const observer = guarded(broken);
  const start = () => ({ aggregate: 'A', stream: 'a-1' });

  test('before the work begins: the work runs once all the same', async () => {
    const work = jest.fn(async () => 7);
    expect(await observer.load(start, work)).toBe(7);
    expect(work).toHaveBeenCalledTimes(1);
  });

  test('after the work is done: its result stands', async () => {
    const late: Observer = {
      ...silent,
      load: async (_start, work) => (await work(ignore), Promise.reject(new Error('late'))),
    };
    const work = jest.fn(async () => 7);
    expect(await guarded(late).load(start, work)).toBe(7);
    expect(work).toHaveBeenCalledTimes(1);
  });

  test('while it is told of the end: the work goes on', async () => {
    const deaf: Observer = { ...silent, load: (_start, work) => work(() => raise('deaf')) };
    expect(await guarded(deaf).load(start, async (end) => (end(() => raise('facts')), 7))).toBe(7);
  });

  test('cannot hide that the work failed', async () => {
    const liar: Observer = {
      ...silent,
      load: async (_start, work) => work(ignore).catch(() => 'fine' as never),
    };
    await expect(guarded(liar).load(start, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  test('is not heard of where it is only told', () => {
    expect(() => observer.page(() => raise('facts'))).not.toThrow();
    expect(observer.trace()).toBeUndefined();
  });
});

describe('an observer that is misused', () => {
  const start = () => ({ aggregate: 'A', stream: 'a-1' });

  test('by running the work after it has failed: the work runs once', async () => {
    let late = async (): Promise<unknown> => undefined;
    const early: Observer = {
      ...silent,
      load: (_start, work) => {
        late = () => work(ignore);
        throw new Error('early');
      },
    };
    const work = jest.fn(async () => 7);
    expect(await guarded(early).load(start, work)).toBe(7);
    expect(await late()).toBe(7);
    expect(work).toHaveBeenCalledTimes(1);
  });

  test('by running the work twice: it runs once, and both are given its outcome', async () => {
    const twice: Observer = {
      ...silent,
      load: async (_start, work) => (expect(await work(ignore)).toBe(7), work(ignore)),
    };
    const work = jest.fn(async () => 7);
    expect(await guarded(twice).load(start, work)).toBe(7);
    expect(work).toHaveBeenCalledTimes(1);
  });

  // Jest fails a test for rejections that nobody has handled at its end.
  test('by leaving the outcome alone for as long as it likes: a failure ends no process', async () => {
    const stalled: Observer = {
      ...silent,
      load: (_start, work) => (work(ignore), new Promise<never>(() => undefined)),
    };
    void guarded(stalled).load(start, () => Promise.reject(new Error('no')));
    await new Promise((turn) => setTimeout(turn, 5));
  });

  test('by methods that are async where they are told: their failure is not heard of', async () => {
    const page = jest.fn(async () => raise('later')) as unknown as Observer['page'];
    guarded({ ...silent, page }).page(() => raise('facts'));
    await new Promise((turn) => setTimeout(turn, 5));
    expect(page).toHaveBeenCalledTimes(1);
  });
});

test('an observer that works hears what it is told, and is guarded once', async () => {
  const heard: unknown[] = [];
  const listening: Observer = { ...silent, page: (facts) => void heard.push(facts()) };
  const observer = guarded(listening);
  observer.page(() => ({ follower: 'f', events: 1, through: 2 }));
  expect(heard).toEqual([{ follower: 'f', events: 1, through: 2 }]);
  expect(guarded(listening)).toBe(observer);
  expect(guarded(observer)).toBe(observer);
  expect(guarded(undefined)).toBe(silent);
});

function raise(message: string): never {
  throw new Error(message);
}
