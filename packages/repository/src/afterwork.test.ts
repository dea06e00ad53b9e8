import { setImmediate as turn } from 'node:timers/promises';
import { Afterwork } from './afterwork.js';

const MIB = 1_048_576;

/** Work that ends when it is told to. */
function held() {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { work: () => ended, end };
}

describe('work that is left for later', () => {
  it('is done in order, one after another, and one that fails holds up nothing', async () => {
    const afterwork = new Afterwork();
    const done: number[] = [];
    const first = held();
    afterwork.add(async () => (await first.work(), void done.push(1)));
    afterwork.add(async () => Promise.reject(new Error('no')));
    afterwork.add(async () => void done.push(3));
    await turn();
    expect(done).toEqual([]);
    first.end();
    await afterwork.close();
    expect(done).toEqual([1, 3]);
    expect(afterwork.add(async () => void done.push(4))).toBe(false);
  });

  it('may hold so much memory, or more where it is alone, and as much again when it is done', async () => {
    const afterwork = new Afterwork();
    const first = held();
    expect(afterwork.add(first.work, 200 * MIB)).toBe(true);
    expect(afterwork.add(async () => undefined, 1)).toBe(false);
    expect(afterwork.add(async () => undefined)).toBe(true);
    first.end();
    await turn();
    await turn();
    const second = held();
    expect(afterwork.add(second.work, 40 * MIB)).toBe(true);
    expect(afterwork.add(async () => undefined, 24 * MIB)).toBe(true);
    expect(afterwork.add(async () => undefined, 1)).toBe(false);
    expect(afterwork.add(async () => undefined)).toBe(true);
    second.end();
    await afterwork.close();
  });
});
