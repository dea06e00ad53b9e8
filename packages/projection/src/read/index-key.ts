/**
 * Keys of an index: the value at a path, in an order that is the order of bytes, and the document's key after it. Nothing < false <
 * true < numbers < texts < lists and objects, which have no order among themselves. Texts count up to their first 120 characters.
 */
export function indexKey(value: unknown, key: string): string {
  return `${indexValue(value)}${END}${key}`;
}

/** The part of an index key that stands for the value. */
export function indexValue(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 'b1' : 'b0';
    case 'number':
      return `c${sortable(value + 0)}`;
    case 'string':
      return `d${escaped(value)}`;
    case 'object':
      return value === null ? 'a' : 'e';
    default:
      return 'a';
  }
}

/**
 * The beginning of an index key that a value has in common with those of which the index does not say whether they are less or
 * greater: texts that are as long as those that are cut. `undefined`: there are none.
 */
export function blurred(value: unknown): string | undefined {
  if (typeof value !== 'string' || (value.length < LONGEST - 1 && value.isWellFormed())) return undefined;
  return `d${escaped(cutTo(LONGEST - 1, value))}`;
}

/** The document's key at the end of an index key. */
export function keyIn(indexed: string): string {
  return indexed.slice(indexed.indexOf(END) + END.length);
}

/** Before everything that may follow a value, so that a shorter text comes before those that begin with it. */
export const END = '\u0001\u0001';
/** After every index key with the value before it, and before those with a greater value. */
export const AFTER = '\u0001\u0002';
/** After every text with what is before it as its beginning. */
export const LAST = '\u{10ffff}';

const LONGEST = 120;

function escaped(text: string): string {
  const cut = cutTo(LONGEST, text).toWellFormed();
  // eslint-disable-next-line no-control-regex -- the two that the form uses itself
  return cut.replace(/[\u0000\u0001]/g, (it) => (it === '\0' ? '\u0001\u0003' : '\u0001\u0004'));
}

/** The text or its beginning, which ends before a pair of surrogates rather than in it. */
function cutTo(length: number, text: string): string {
  if (text.length <= length) return text;
  const isInPair = /[\ud800-\udbff]/.test(text[length - 1]!) && /[\udc00-\udfff]/.test(text[length]!);
  return text.slice(0, isInPair ? length - 1 : length);
}

const bits = new DataView(new ArrayBuffer(8));

/** IEEE 754 with the sign turned round, so that bytes compare as numbers do. */
function sortable(value: number): string {
  bits.setFloat64(0, value);
  const [high, low] = [bits.getUint32(0), bits.getUint32(4)];
  const isNegative = high >>> 31 === 1;
  const flip = (word: number, mask: number) => ((word ^ mask) >>> 0).toString(16).padStart(8, '0');
  return flip(high, isNegative ? 0xffffffff : 0x80000000) + flip(low, isNegative ? 0xffffffff : 0);
}

/** The value at a path of a document as it is stored. */
export function valueAt(json: unknown, path: string): unknown {
  let value = json;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
