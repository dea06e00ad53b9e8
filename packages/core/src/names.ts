/** Bounds on what is stored, in bytes of UTF-8 unless they say otherwise. */
export const LIMITS = {
  stream: 512,
  type: 256,
  idBytes: 128,
  /** Data and metadata of one event together; a store may be given another. */
  event: 1_048_576,
  /** Events in one append. */
  appendEvents: 10_000,
  /** Levels of arrays and objects in data or metadata. */
  depth: 500,
  stateKey: 1_024,
} as const;

// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Whether a value can be a name: well-formed Unicode text, not empty, without control characters and short enough. */
export function isName(value: unknown, maxBytes: number): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > maxBytes) return false;
  if (CONTROL.test(value) || !isWellFormed(value)) return false;
  return value.length * 3 <= maxBytes || Buffer.byteLength(value) <= maxBytes;
}

/** Whether text has no lone surrogates, and so is the same after a round trip through UTF-8. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}
