import { digestOf } from './digest.js';
import { shortHash } from './short-hash.js';

const inHex = (text: string) =>
  shortHash(text)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('');

// What the reference implementation gives for 128 bits on x86.
test.each([
  ['', '00000000000000000000000000000000'],
  ['a', 'a794933c5556b01b5556b01b5556b01b'],
  ['abcdefghijklm', 'c13aa215dbaea1ecf41c3566d92cde70'],
  ['0123456789abcdef0123456789abcdef', '1f5c0a6453f841bce8a669faa3e7b577'],
  ['The quick brown fox jumps over the lazy dog', '2f1583c3ecee2c675d7bf66ce5e91d2c'],
  ['I will not buy this record, it is scratched.', 'a0a9683b25ac5e40d9af2895890dddf5'],
])('"%s" has the hash that MurmurHash3 gives it', (text, hash) => {
  expect(inHex(text)).toBe(hash);
});

test('equal values have one digest whatever the order of their keys, and values of every length differ', () => {
  expect(digestOf({ a: 1, b: { c: 2, d: [3] } })).toBe(digestOf({ b: { d: [3], c: 2 }, a: 1 }));
  const values = [
    ...[0, 1, 10, '', '0', '1', 'é', '\u2028', null, true, [], {}, [[]], { a: null }],
    ...Array.from({ length: 300 }, (_, length) => 'x'.repeat(length + 1)),
  ];
  const digests = values.map(digestOf);
  expect(new Set(digests).size).toBe(values.length);
  for (const digest of digests) expect(digest).toMatch(/^[\w-]{12}$/);
});
