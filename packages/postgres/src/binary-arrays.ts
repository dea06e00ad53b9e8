/** Arrays in PostgreSQL's binary form: nothing is escaped, nothing is scanned for quotes. See `array_recv` in its sources. */
const [INT_OID, BIGINT_OID, TEXT_OID, JSON_OID] = [23, 20, 25, 114];
const HEADER = 20;

export function intArray(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + 8 * values.length);
  let at = header(buffer, INT_OID, values.length);
  for (const value of values) {
    at = buffer.writeInt32BE(4, at);
    at = buffer.writeInt32BE(value, at);
  }
  return buffer;
}

export function bigintArray(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + 12 * values.length);
  let at = header(buffer, BIGINT_OID, values.length);
  for (const value of values) {
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeBigInt64BE(BigInt(value), at);
  }
  return buffer;
}

/** Well-formed texts without NUL; `undefined` is NULL. */
export function textArray(values: readonly (string | undefined)[]): Buffer {
  return texts(values, TEXT_OID);
}

export function jsonArray(values: readonly string[]): Buffer {
  return texts(values, JSON_OID);
}

function texts(values: readonly (string | undefined)[], oid: number): Buffer {
  let bytes = HEADER;
  for (const value of values) bytes += 4 + (value === undefined ? 0 : Buffer.byteLength(value));
  const buffer = Buffer.allocUnsafe(bytes);
  let at = header(buffer, oid, values.length);
  for (const value of values) {
    const length = value === undefined ? -1 : buffer.write(value, at + 4);
    buffer.writeInt32BE(length, at);
    at += 4 + Math.max(0, length);
  }
  return buffer;
}

/** Dimensions, may-have-nulls, element type, length, lower bound; then come the elements, each with its length, -1 for NULL. */
function header(buffer: Buffer, oid: number, length: number): number {
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(1, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  return buffer.writeInt32BE(1, 16);
}
