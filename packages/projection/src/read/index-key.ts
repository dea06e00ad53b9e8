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
      return `c${sortable(value)}`;
    case 'string':
      return `d${escaped(value)}`;
    case 'object':
      return value === null ? 'a' : 'e';
    default:
      return 'a';
  }
}

/** Whether a value of an index may stand for several. */
export function isCut(value: unknown): boolean {
  return typeof value === 'string' ? value.length > LONGEST : typeof value === 'object' && value !== null;
}

/** The document's key at the end of an index key. */
export function keyIn(indexed: string): string {
  return indexed.slice(indexed.indexOf(END) + END.length);
}

/** Before everything that may follow a value, so that a shorter text comes before those that begin with it. */
export const END = '\u0001\u0001';
/** After every index key with the value before it, and before those with a greater value. */
export const AFTER = '\u0001\u0002';

const LONGEST = 120;

function escaped(text: string): string {
  let cut = text.length > LONGEST ? text.slice(0, LONGEST) : text;
  if (!cut.isWellFormed()) cut = cut.slice(0, -1);
  // eslint-disable-next-line no-control-regex -- the two that the form uses itself
  return cut.replace(/[\u0000\u0001]/g, (it) => (it === '\0' ? '\u0001\u0003' : '\u0001\u0004'));
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
