import { damagedEvents } from '@backstory/core/administration';

/** The columns of an event, in the order of `eventsIn` and of the header of its texts. Seconds as a double are exact to the millisecond, and quick. */
const COLUMNS = [
  'position',
  'stream',
  'version',
  'id',
  'type',
  'schema_version',
  'append_index',
  `(date_part('epoch', recorded_at) * 1000)::bigint`,
  'data::text',
  'metadata::text',
];

/**
 * An aggregate: events as one text, in the order in which they come. A driver pays for each value that it hands over, and a
 * server for each that it sends: this takes half the time of rows.
 */
export const EVENTS = aggregate(COLUMNS);

/** The same without the stream, for whoever knows it. */
export const EVENTS_OF_STREAM = aggregate(COLUMNS.map((column) => (column === 'stream' ? `''` : column)));

// A column that is null, behind the store's back, takes its event along, and a server ends a text at a NUL: both are missed then.
function aggregate(columns: readonly string[]): string {
  return `string_agg(coalesce(${columns.join(` || e'\\x1f' || `)}, '') || e'\\x1f', '')`;
}

/**
 * The same events as texts for audits: see `TextsPage` of the store. Byte by byte: strings in between take twice the time.
 *
 * @throws StoreUnusable where these are not so many events
 */
export function textsIn(text: string, count: number): Uint8Array {
  const from = Buffer.from(text);
  const writer = new TextWriter(from, Buffer.allocUnsafe(2 * from.length + MORE * count));
  for (let i = 0; i < count; i++) writer.event();
  return writer.take();
}

/** The lengths of an event, the brackets and quotes of its header, and what is not separated any more. */
const MORE = 64;

class TextWriter {
  private at = 0;
  private to = 0;
  /** More than twice what is still to come. */
  private room = 0;

  constructor(
    private readonly from: Buffer,
    private into: Buffer,
  ) {}

  event(): void {
    const lengths = this.to;
    const header = (this.to += 3 * WIDTH);
    for (const byte of BEGIN) this.into[this.to++] = byte;
    for (let column = 0; column < 8; column++) this.value(IS_NAME[column]!, column === 7 ? CLOSE : COMMA);
    const data = this.to;
    this.rest();
    const metadata = this.to;
    this.rest();
    this.number(lengths, data - header);
    this.number(lengths + WIDTH, metadata - data);
    this.number(lengths + 2 * WIDTH, this.to - metadata);
  }

  take(): Uint8Array {
    if (this.at !== this.from.length) throw damagedEvents();
    return this.into.subarray(0, this.to);
  }

  /** A value of the header, as JSON. Numbers stay as they are written: nothing is hidden that somebody has written otherwise. */
  private value(isName: boolean, behind: number): void {
    const { from, into } = this;
    const { length } = from;
    let { at, to } = this;
    if (isName) into[to++] = QUOTE;
    for (; at < length; at++) {
      const byte = from[at]!;
      if (byte < BLANK) break;
      if (isName && (byte === QUOTE || byte === BACKSLASH)) into[to++] = BACKSLASH;
      into[to++] = byte;
    }
    if (at < length && from[at] !== UNIT) return this.escaped(isName, behind);
    if (isName) into[to++] = QUOTE;
    into[to++] = behind;
    this.at = at + 1;
    this.to = to;
  }

  /** The same of one that holds other control characters, which nobody but somebody behind the store's back has put there. */
  private escaped(isName: boolean, behind: number): void {
    const end = this.from.indexOf(UNIT, this.at);
    if (end === -1) throw damagedEvents();
    const text = JSON.stringify(this.from.toString('utf8', this.at, end));
    const value = Buffer.from(isName ? text : text.slice(1, -1));
    this.room -= value.length - 2 * (end - this.at);
    if (this.room < 0) {
      const more = 4 * this.from.length;
      this.into = Buffer.concat([this.into, Buffer.allocUnsafe(more)]);
      this.room += more;
    }
    this.to += value.copy(this.into, this.to);
    this.into[this.to++] = behind;
    this.at = end + 1;
  }

  private rest(): void {
    const end = this.from.indexOf(UNIT, this.at);
    if (end === -1) throw damagedEvents();
    this.to += this.from.copy(this.into, this.to, this.at, end);
    this.at = end + 1;
  }

  /** As wide as any, with a blank behind it. */
  private number(at: number, value: number): void {
    this.into[at + WIDTH - 1] = BLANK;
    for (let i = at + WIDTH - 2; i >= at; i--, value = Math.floor(value / 10))
      this.into[i] = 0x30 + (value % 10);
  }
}

const BEGIN = Buffer.from('[1,');
const IS_NAME = [false, true, false, true, true, false, false, false];
const [UNIT, BLANK, QUOTE, COMMA, BACKSLASH, CLOSE] = [0x1f, 0x20, 0x22, 0x2c, 0x5c, 0x5d];
/** Of a length. */
const WIDTH = 11;
