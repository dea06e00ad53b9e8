import { isName, isWellFormed } from './names.js';

it.each([
  ['a', true],
  ['', false],
  ['x'.repeat(16), true],
  ['x'.repeat(17), false],
  ['é'.repeat(8), true],
  ['é'.repeat(8) + 'x', false],
  ['\uff5e'.repeat(5) + 'x', true],
  ['\uff5e'.repeat(5) + 'xx', false],
  ['\u{1f600}'.repeat(4), true],
  ['\u{1f600}'.repeat(4) + 'x', false],
  ['a\u0000', false],
  ['a\u001f', false],
  ['a\u007f', false],
  ['a\u009f', false],
  ['a\u00a0', true],
  [' ', true],
  ['\ud83d', false],
  ['\ude00\ud83d', false],
  [7, false],
  [undefined, false],
])('%j as a name of at most 16 bytes: %s', (value, fine) => {
  expect(isName(value, 16)).toBe(fine);
});

it('text is well-formed when it has no lone surrogate', () => {
  expect(['', '\u{1f600}', '\uffff'].every(isWellFormed)).toBe(true);
  expect(['\ud83d', 'a\ude00b', '\ude00\ud83d'].some(isWellFormed)).toBe(false);
});
