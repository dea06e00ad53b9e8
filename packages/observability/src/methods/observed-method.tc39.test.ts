import { Monitored } from './monitored.js';
import { decorating, type Wrap } from './observed-method.js';
import { Traced } from './traced.js';

const called: string[] = [];
const noting: Wrap =
  (name, run) =>
  (...args) => {
    called.push(name);
    return run(...args);
  };

class Till {
  private sum = 0;
  @decorating(noting, undefined) add(amount: number) {
    return (this.sum += amount);
  }
  @decorating(noting, 'till.empty') async empty() {
    this.sum = 0;
    throw new Error('robbed');
  }
  @Traced()
  @Monitored()
  count() {
    return this.sum;
  }
}

test('a method keeps its object, its arguments and its outcome, and is called after its class', async () => {
  const till = new Till();
  expect([till.add(2), till.add(3), till.count()]).toEqual([2, 5, 5]);
  await expect(till.empty()).rejects.toThrow('robbed');
  expect(till.count()).toBe(0);
  expect(called).toEqual(['Till.add', 'Till.add', 'till.empty']);
});
