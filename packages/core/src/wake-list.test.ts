import { WakeList } from './wake-list.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('who has left is not called any more, not even by a notice under way', async () => {
  const list = new WakeList();
  const called: string[] = [];
  const leave = { other: () => undefined as unknown };
  list.add(() => {
    called.push('first');
    leave.other();
  });
  leave.other = list.add(() => void called.push('other'));
  list.notify();
  await turn();
  expect(called).toEqual(['first']);
});

it('one that fails keeps nobody else asleep, and its failure is not swallowed', async () => {
  const list = new WakeList();
  const called: string[] = [];
  list.add(() => {
    throw new Error('a failing wake');
  });
  list.add(() => void called.push('other'));
  const failures: unknown[] = [];
  const nextTick = jest.spyOn(process, 'nextTick').mockImplementation((throwing) => {
    try {
      throwing();
    } catch (error) {
      failures.push(error);
    }
  });
  list.notify();
  await turn();
  nextTick.mockRestore();
  expect(called).toEqual(['other']);
  expect(failures).toEqual([new Error('a failing wake')]);
});

it('many notices in one turn are one call, to each addition of its own', async () => {
  const list = new WakeList();
  let calls = 0;
  const wake = () => void calls++;
  const remove = list.add(wake);
  list.add(wake);
  list.notify();
  list.notify();
  await turn();
  expect(calls).toBe(2);
  remove();
  remove();
  expect(list.size).toBe(1);
});
