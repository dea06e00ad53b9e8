import { failedAt } from './errors.js';

const event = { id: 'e1', type: 'a.b', stream: 'a-1', position: 7 } as Parameters<typeof failedAt>[2];

it('what a handler says at length is cut where it is kept and told, and the cause has all of it', () => {
  const cause = new Error('x'.repeat(1_000_000));
  const failed = failedAt('counts', 'counted', event, cause);
  expect(failed.reason).toBe('x'.repeat(2_000));
  expect(failed.message.length).toBeLessThan(2_500);
  expect(failed.cause).toBe(cause);
});

const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();

it.each<[unknown, string]>([
  ['no error', 'no error'],
  [undefined, 'it threw undefined, which is no error'],
  [null, 'it threw null, which is no error'],
  [Object.create(null), 'it threw [Object: null prototype] {}, which is no error'],
  [Symbol('a'), 'it threw Symbol(a), which is no error'],
  [revoked, 'it threw <Revoked Proxy>, which is no error'],
  ['', 'it threw an error that says nothing'],
  [new TypeError(), 'it threw an error that says nothing'],
  [Object.assign(new Error(), { message: { why: 5 } }), '{ why: 5 }'],
])('%# whatever a handler throws, the error is of its event', (cause, reason) => {
  expect(failedAt('counts', 'counted', event, cause)).toMatchObject({ reason, position: 7 });
});
