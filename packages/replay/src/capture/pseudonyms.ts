import { createHmac, randomBytes } from 'node:crypto';
import type { Json } from '@backstory/events';

/**
 * Other values in place of those that are not to be seen. Equal values become equal ones; who has not the key can neither compute nor try them
 * out. What a value looks like stays, so that what folds it still can: digits become digits, times times, ids ids.
 */
export class Pseudonyms {
  constructor(private readonly key: string = randomBytes(32).toString('base64')) {}

  /** Of a list or an object everything in it; what is true, false or nothing stays. */
  of(value: Json): Json {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.number(value);
    if (Array.isArray(value)) return (value as readonly Json[]).map((it) => this.of(it));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value as object).map(([name, it]) => [name, this.of(it as Json)]),
    );
  }

  text(value: string): string {
    if (value === '') return value;
    if (NUMERIC.test(value)) return this.digits(value);
    if (UUID.test(value))
      return this.hex(value).replace(/^(.{8})(.{4})(.{3})(.{3})(.{12}).*/, '$1-$2-8$3-8$4-$5');
    const at = Date.parse(value);
    if (INSTANT.test(value) && !Number.isNaN(at)) return this.instant(value, at);
    return `redacted-${this.hex(value).slice(0, 12)}`;
  }

  private number(value: number): number {
    const [digits = '', exponent] = String(value).split('e');
    const other = this.digits(digits);
    return Number(exponent === undefined ? other : `${other}e${exponent}`);
  }

  /** As many digits; none becomes 0 that was not, so that it is as long as a number, too. */
  private digits(text: string): string {
    const other = this.bytes(text);
    let i = 0;
    return text.replace(/\d/g, (digit) => {
      const byte = other[i++ % other.length]!;
      return digit === '0' ? '0' : String(1 + (byte % 9));
    });
  }

  /** Within four years of what it was, as precise. */
  private instant(text: string, at: number): string {
    const shift = (this.bytes(text).readUInt32BE(0) % (8 * 365)) - 4 * 365;
    const end = text.endsWith('Z') ? 'Z' : '';
    const other = new Date(at + shift * 86_400_000).toISOString();
    return other.slice(0, text.length - end.length) + end;
  }

  private hex(value: string): string {
    return this.bytes(value).toString('hex');
  }

  private bytes(value: string): Buffer {
    return createHmac('sha256', this.key).update(value).digest();
  }
}

const NUMERIC = /^-?\d+(\.\d+)?$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{3})?)?Z)?$/;
