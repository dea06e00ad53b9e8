import widthOf from 'string-width';
import { printable } from '../printable.js';

/** What a piece of text is, from which its colour follows. */
export type Tone = 'strong' | 'faint' | 'good' | 'bad' | 'changed' | 'name' | 'bar';

export interface Span {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** One line of the screen, or more than that: it is fitted or wrapped to the width of the screen. */
export type Line = readonly Span[];

/** The characters that a terminal can show. */
export interface Charset {
  readonly arrow: string;
  readonly ellipsis: string;
  readonly rule: string;
  /** Between what stands side by side. */
  readonly side: string;
  /** Makes text of others harmless, and such that the terminal can show it. */
  readonly safe: (text: string) => string;
}

export const UNICODE: Charset = { arrow: '→', ellipsis: '…', rule: '─', side: '│', safe: printable };

export const ASCII: Charset = {
  arrow: '->',
  ellipsis: '~',
  rule: '-',
  side: '|',
  safe: (text) =>
    printable(text).replace(
      /[^\x20-\x7e]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
};

/** The line as it fits into the width, with an ellipsis in place of what does not. */
export function fitted(line: Line, width: number, charset: Charset): Line {
  const rows = wrapped(line, width, charset);
  const first = rows.next().value ?? [];
  if (rows.next().done) return first;
  const room = width - charset.ellipsis.length;
  if (room < 1) return first;
  return [...wrapped(line, room, charset).next().value!, { text: charset.ellipsis, tone: 'faint' }];
}

/** The line over as many rows as it needs, made one after another. Text is made safe here, whatever it is. */
export function* wrapped(line: Line, width: number, charset: Charset): Generator<Line, void> {
  let row: Span[] = [];
  let used = 0;
  for (const { text, tone } of line) {
    let piece = '';
    for (const [character, cells] of charactersOf(text, charset)) {
      if (used + cells > width && used > 0) {
        if (piece !== '') row.push({ text: piece, tone });
        yield row;
        [row, piece, used] = [[], '', 0];
      }
      if (cells > width) continue;
      piece += character;
      used += cells;
    }
    if (piece !== '') row.push({ text: piece, tone });
  }
  yield row;
}

/** A sentence over as many rows as it needs, between words where that is possible. */
export function* sentence({ text, tone }: Span, width: number, charset: Charset): Generator<Line, void> {
  for (let rest = charset.safe(text.slice(0, LONGEST_SENTENCE)); rest !== '';) {
    const row = wrapped([{ text: rest }], width, charset).next().value![0]?.text ?? rest;
    const space = row.length < rest.length ? row.lastIndexOf(' ') + 1 : row.length;
    const length = space > row.length / 2 ? space : row.length;
    yield [{ text: rest.slice(0, length).trimEnd(), tone }];
    rest = rest.slice(length);
  }
}

const LONGEST_SENTENCE = 10_000;

/** How many cells of the screen a line takes. */
export function cellsOf(line: Line, { safe }: Charset): number {
  return line.reduce((sum, { text }) => sum + widthOf(safe(text)), 0);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const AT_ONCE = 2_048;
const LONGEST = 16;

/** The characters that a reader sees, made safe, each with its width; of a long text no more than is asked for. */
function* charactersOf(text: string, { safe }: Charset): Generator<readonly [string, number], void> {
  for (let at = 0; at < text.length;) {
    let end = Math.min(text.length, at + AT_ONCE);
    // Not between the halves of a character.
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1]!)) end--;
    const part = safe(text.slice(at, end));
    at = end;
    if (/^[\x20-\x7e]*$/.test(part)) for (const character of part) yield [character, 1];
    else
      for (const { segment } of graphemes.segment(part)) {
        // A letter may carry thousands of marks.
        const shown = segment.length <= LONGEST ? segment : [...segment].slice(0, LONGEST).join('');
        yield [shown, widthOf(shown)];
      }
  }
}
