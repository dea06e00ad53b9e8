/** The value of JSON text; `undefined` for what is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The members of an object, of which nothing is known yet. */
export type Members = Readonly<Record<string, unknown>>;

/** `undefined` where the value is no object. */
export function membersOf(value: unknown): Members | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Members)
    : undefined;
}

/** Text of bytes in UTF-8, without leniency: what is no UTF-8 is `undefined`, and a byte order mark stays. */
export function textOf(bytes: string | Uint8Array): string | undefined {
  if (typeof bytes === 'string') return bytes;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether all of these are whole numbers from 0. */
export function areCounts(...values: readonly unknown[]): boolean {
  return values.every((it) => Number.isSafeInteger(it) && (it as number) >= 0);
}

/** Whether all of these are a SHA-256 in hexadecimal. */
export function areHashes(...values: readonly unknown[]): boolean {
  return values.every((it) => typeof it === 'string' && /^[0-9a-f]{64}$/.test(it));
}

/** Whether this is exactly what `toISOString` writes. */
export function isInstant(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(time).toISOString() === value;
}

/** Whether this is an Ed25519 signature in base64, in the one way it can be written. */
export function isSignature(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === 64 && bytes.toString('base64') === value;
}

/** Whether a value is text that UTF-8 can say: hashing makes half of a surrogate pair U+FFFD, so that two texts would have one hash. */
export function isExactText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}
