import { AppendOutcomeUnknown, TransactionOutcomeUnknown } from './errors.js';
import { isOutcomeUnknown } from './some-cause.js';

const unknown = new AppendOutcomeUnknown('a-1', 1);
const wrapped = (cause: unknown, times: number): unknown =>
  times === 0 ? cause : wrapped(new Error('no', { cause }), times - 1);
const unreadable = Object.defineProperty(new Error('x'), 'cause', {
  get() {
    throw new Error('no');
  },
});
const circle = new Error('round');
circle.cause = new Error('and round', { cause: circle });

test.each<[string, unknown, boolean]>([
  ['itself', unknown, true],
  ['of a transaction', new TransactionOutcomeUnknown('shop'), true],
  ['as a cause', wrapped(unknown, 1), true],
  ['as a cause several levels deep', wrapped(unknown, 5), true],
  ['among several', new AggregateError([unreadable, wrapped(unknown, 2)]), true],
  ['not where it is none', wrapped(new Error('other'), 3), false],
  ['not where causes go round', circle, false],
  ['beside causes that go round', new AggregateError([circle, unknown]), true],
  ['not where it is deeper than anybody looks', wrapped(unknown, 1_000), false],
  ['not where nothing can be looked at', unreadable, false],
  ['not of what is no error', 'no', false],
  ['not of nothing', null, false],
])('that an outcome is unknown is seen: %s', (_, error, is) => {
  expect(isOutcomeUnknown(error)).toBe(is);
});
