/**
 * MurmurHash3 (x86, 128 bits, seed 0; Austin Appleby, public domain) of ASCII text, as four words. For a text as short as most
 * fields are, asking the platform for a hash costs ten times as much. It tells values apart; it withstands nobody who
 * wants two of them to have the same.
 */
export function shortHash(text: string): readonly [number, number, number, number] {
  const { length } = text;
  let [h1, h2, h3, h4] = [0, 0, 0, 0];
  const whole = length - (length % 16);
  for (let i = 0; i < whole; i += 16) {
    h1 = Math.imul(rotated(h1 ^ first(wordAt(text, i)), 19) + h2, 5) + 0x561ccd1b;
    h2 = Math.imul(rotated(h2 ^ second(wordAt(text, i + 4)), 17) + h3, 5) + 0x0bcaa747;
    h3 = Math.imul(rotated(h3 ^ third(wordAt(text, i + 8)), 15) + h4, 5) + 0x96cd1c35;
    h4 = Math.imul(rotated(h4 ^ fourth(wordAt(text, i + 12)), 13) + h1, 5) + 0x32ac3b17;
  }
  h4 ^= fourth(wordAt(text, whole + 12)) ^ length;
  h3 ^= third(wordAt(text, whole + 8)) ^ length;
  h2 ^= second(wordAt(text, whole + 4)) ^ length;
  h1 ^= first(wordAt(text, whole)) ^ length;
  return mixed(h1, h2, h3, h4);
}

function first(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0x239b961b), 15), 0xab0e9789);
}

function second(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0xab0e9789), 16), 0x38b34ae5);
}

function third(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0x38b34ae5), 17), 0xa1e38b93);
}

function fourth(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0xa1e38b93), 18), 0x239b961b);
}

/** Four characters as a word, the first the lowest; behind the end of the text there are zeros. */
function wordAt(text: string, i: number): number {
  return (
    byteAt(text, i) | (byteAt(text, i + 1) << 8) | (byteAt(text, i + 2) << 16) | (byteAt(text, i + 3) << 24)
  );
}

function byteAt(text: string, i: number): number {
  return i < text.length ? text.charCodeAt(i) : 0;
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function mixed(h1: number, h2: number, h3: number, h4: number): readonly [number, number, number, number] {
  const sum = h1 + h2 + h3 + h4;
  const [a, b, c, d] = [avalanche(sum), avalanche(h2 + sum), avalanche(h3 + sum), avalanche(h4 + sum)];
  const all = a + b + c + d;
  return [all >>> 0, (b + all) >>> 0, (c + all) >>> 0, (d + all) >>> 0];
}

/** Every bit of it changes about half of the result's. */
function avalanche(word: number): number {
  let it = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  it = Math.imul(it ^ (it >>> 13), 0xc2b2ae35);
  return it ^ (it >>> 16);
}
