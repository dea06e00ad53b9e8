import { HELP } from './help.js';
import { lastLines } from './last-lines.js';
import { cellsOf, fitted, type Charset, type Line } from './line.js';
import { headingsOf, partLines } from './parts.js';
import { PARTS, type Part, type Size, type Viewing } from './viewing.js';
import { watchLines } from './watch-lines.js';

/** What is on the screen: as many lines as it has rows, and where the cursor is, if it is to be seen. */
export interface Frame {
  readonly lines: readonly Line[];
  readonly cursor: { readonly row: number; readonly column: number } | undefined;
}

/** The screen for what is viewed, at any size. */
export function frameOf(viewing: Viewing, size: Size, charset: Charset): Frame {
  const { rows, columns } = size;
  const last = lastLines(viewing, size, charset);
  const middle = viewing.help === undefined ? bodyLines(viewing, size, charset) : helpLines(viewing.help);
  const above = [titleLine(viewing, columns, charset), ...middle.slice(0, Math.max(0, rows - 2))];
  while (above.length < rows - 1) above.push([]);
  const lines =
    rows > 1 || viewing.prompt ? [...above.slice(0, rows - last.lines.length), ...last.lines] : above;
  return {
    lines: lines.map((line) => fitted(line, columns, charset)),
    cursor: last.cursor === undefined ? undefined : { row: rows - 1, column: last.cursor },
  };
}

/** The room that a part has, by which scrolling is bounded. */
export interface Room {
  /** Rows, one of which is its heading. */
  readonly height: number;
  /** How far it can scroll. */
  readonly furthest: number;
}

/** The part that scrolls has what it wants, as far as the others in its column keep their share; what is left is theirs. */
export function roomOf(viewing: Viewing, size: Size, charset: Charset): Readonly<Record<Part, Room>> {
  const lines = partLines(viewing, widthsOf(size), charset);
  const height = Math.max(0, size.rows - 2 - watchLines(viewing, size, charset).length);
  const share = height < 6 ? 0 : Math.max(2, Math.floor(height * 0.3));
  // With its heading, which for an event says something by itself.
  const wanted = (part: Part) => (lines[part].length === 0 && part !== 'event' ? 0 : lines[part].length + 1);
  const heights = { event: 0, changes: 0, state: 0 };
  for (const { parts } of columnsOf(size)) {
    let free = height;
    const give = (part: Part, most: number) => {
      const more = Math.min(wanted(part) - heights[part], most, free);
      heights[part] += more;
      free -= more;
    };
    const chosenFirst = parts.toSorted((a, b) => Number(b === viewing.part) - Number(a === viewing.part));
    for (const part of parts) if (part !== viewing.part) give(part, share);
    for (const part of chosenFirst) give(part, free);
  }
  const room = (part: Part): Room => ({
    height: heights[part],
    furthest: Math.max(0, wanted(part) - heights[part]),
  });
  return { event: room('event'), changes: room('changes'), state: room('state') };
}

interface Column {
  readonly parts: readonly Part[];
  readonly width: number;
}

/** On a wide screen the state stands beside what happened. */
function columnsOf({ columns }: Size): readonly Column[] {
  if (columns < WIDE) return [{ parts: PARTS, width: columns }];
  const left = Math.floor((columns - 1) / 2);
  return [
    { parts: ['event', 'changes'], width: left },
    { parts: ['state'], width: columns - 1 - left },
  ];
}

const WIDE = 120;

function widthsOf(size: Size): Readonly<Record<Part, number>> {
  const [first, last] = [columnsOf(size).at(0)!.width, columnsOf(size).at(-1)!.width];
  return { event: first, changes: first, state: last };
}

function titleLine({ stream, shown, head, isFollowing }: Viewing, columns: number, charset: Charset): Line {
  const right = ` v${shown.version} of ${head}${isFollowing ? ', following' : ''} `;
  const left = fitted([{ text: ` ${stream}` }], Math.max(0, columns - right.length), charset);
  const gap = ' '.repeat(Math.max(0, columns - right.length - cellsOf(left, charset)));
  return [{ text: `${left.map(({ text }) => text).join('')}${gap}${right}`, tone: 'bar' }];
}

function bodyLines(viewing: Viewing, size: Size, charset: Charset): readonly Line[] {
  const [first = [], ...others] = columnsOf(size).map((column) =>
    columnLines(viewing, column, { size, charset }),
  );
  return [...watchLines(viewing, size, charset), ...others.reduce(besides(size, charset), first)];
}

/** Puts the lines of the right column beside those of the left one. */
function besides(size: Size, charset: Charset) {
  const { width } = columnsOf(size)[0]!;
  return (left: readonly Line[], right: readonly Line[]): readonly Line[] =>
    Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
      const fit = fitted(left[i] ?? [], width, charset);
      const gap = { text: ' '.repeat(width - cellsOf(fit, charset)) };
      return [...fit, gap, { text: charset.side, tone: 'faint' as const }, ...(right[i] ?? [])];
    });
}

function columnLines(
  viewing: Viewing,
  { parts, width }: Column,
  { size, charset }: { readonly size: Size; readonly charset: Charset },
): readonly Line[] {
  const lines = partLines(viewing, widthsOf(size), charset);
  const headings = headingsOf(viewing);
  const rooms = roomOf(viewing, size, charset);
  return parts.flatMap((part) => {
    const { height, furthest } = rooms[part];
    if (height === 0) return [];
    const from = Math.min(viewing.scrolled[part], furthest);
    // One row is too little for a heading.
    if (height === 1 && lines[part].length > 0) return lines[part].slice(from, from + 1);
    const shown = lines[part].slice(from, from + height - 1);
    const place = furthest === 0 ? '' : `${from + 1}-${from + shown.length} of ${lines[part].length}`;
    const heading = { name: headings[part], place, isChosen: part === viewing.part };
    return [headingLine(heading, width, charset), ...shown];
  });
}

interface Heading {
  readonly name: Line;
  readonly place: string;
  readonly isChosen: boolean;
}

function headingLine({ name, place, isChosen }: Heading, columns: number, charset: Charset): Line {
  const rule = (count: number): Line => [{ text: charset.rule.repeat(Math.max(0, count)), tone: 'faint' }];
  const right: Line = place === '' ? [] : [{ text: ` ${place} `, tone: 'faint' }, ...rule(2)];
  const [before, after] = isChosen ? ['[', ']'] : [' ', ' '];
  const left: Line = [...rule(2), { text: before }, ...name, { text: after }];
  const fit = fitted(left, Math.max(1, columns - cellsOf(right, charset)), charset);
  return [...fit, ...rule(columns - cellsOf(fit, charset) - cellsOf(right, charset)), ...right];
}

const KEYS_WIDTH = Math.max(...HELP.map(([keys]) => keys.length)) + 2;

function helpLines(scrolled: number): readonly Line[] {
  return HELP.slice(scrolled).map(([keys, does]) => [
    { text: `  ${keys.padEnd(KEYS_WIDTH)}`, tone: 'name' },
    { text: does },
  ]);
}
