import { follow } from './follow.js';
import { MemoryEventStore } from './memory-event-store.js';
import { InvalidOption, numberOption } from './number-option.js';
import { Recorder } from './recorder.js';

it.each([1, 2.5, 9])('%p is from 1 to 9', (value) => {
  expect(numberOption('size', value, 1, 9)).toBe(value);
});

it.each([0, 9.1, -1, NaN, Infinity, '5', null])('%p is not: the option is named', (value) => {
  expect(() => numberOption('size', value as number, 1, 9)).toThrow(InvalidOption);
  expect(() => numberOption('size', value as number, 1, 9)).toThrow(
    `size: must be a number from 1 to 9, not ${String(value)}.`,
  );
});

it.each([0, -1, NaN, Infinity, 2 ** 31])('a follower cannot look every %p ms', (pollMs) => {
  expect(() => follow(new MemoryEventStore(), { pollMs })).toThrow(/^pollMs: /);
});

it('an append is repeated for a time, or for ever, or not at all', () => {
  const repeatedFor = (appendTimeoutMs: number) => () =>
    new Recorder(new MemoryEventStore(), { source: 's', appendTimeoutMs });
  expect(repeatedFor(NaN)).toThrow(/^appendTimeoutMs: /);
  expect(repeatedFor(-1)).toThrow(/^appendTimeoutMs: /);
  expect(repeatedFor(0)).not.toThrow();
  expect(repeatedFor(Infinity)).not.toThrow();
});
