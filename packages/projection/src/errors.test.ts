import { failedAt } from './errors.js';

const event = { id: 'e1', type: 'a.b', stream: 'a-1', position: 7 } as Parameters<typeof failedAt>[2];

it('what a handler says at length is cut where it is kept and told, and the cause has all of it', () => {
  const cause = new Error('x'.repeat(1_000_000));
  const failed = failedAt('counts', 'counted', event, cause);
  expect(failed.reason).toBe('x'.repeat(2_000));
  expect(failed.message.length).toBeLessThan(2_500);
  expect(failed.cause).toBe(cause);
});

it.each<[unknown, string]>([
  ['no error', 'no error'],
  [undefined, 'undefined'],
  [Object.create(null), '[Object: null prototype] {}'],
  [Symbol('a'), 'Symbol(a)'],
  [Object.assign(new Error(), { message: { why: 5 } }), '{ why: 5 }'],
])('%# whatever a handler throws, the error is of its event', (cause, reason) => {
  expect(failedAt('counts', 'counted', event, cause)).toMatchObject({ reason, position: 7 });
});
