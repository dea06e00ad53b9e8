import { afterPrefix } from './after-prefix.js';

it.each([
  ['a', 'b'],
  ['', undefined],
  ['a\u{10ffff}', 'b'],
  ['\u{10ffff}', undefined],
  ['\ud7ff', '\ue000'],
  ['\uffff', '\u{10000}'],
])('the text after everything that begins with %j is %j', (prefix, after) => {
  expect(afterPrefix(prefix)).toBe(after);
});
