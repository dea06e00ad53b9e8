import type { Change } from '@backstory/replay';
import type { Paper } from './paper.js';
import { cut } from './printable.js';

/** A change in words: what became of what, and from what to what. */
export interface ChangeText {
  /** `+` came, `-` went, `~` is different. */
  readonly mark: '+' | '-' | '~';
  /** Padded, so that the values of all changes begin in one column. */
  readonly name: string;
  readonly value: string;
}

/** How changes are written: as wide as this, with these characters. */
export interface ChangeStyle {
  readonly width: number;
  readonly arrow: string;
  readonly plain: (text: string) => string;
  readonly cut: (text: string, width: number) => string;
}

export function changeTexts(changes: readonly Change[], style: ChangeStyle): readonly ChangeText[] {
  const names = changes.map(({ path }) => style.plain(path === '' ? '(all of it)' : path));
  const longest = Math.min(28, Math.max(0, ...names.map((it) => it.length)));
  return changes.map((change, i) => {
    const name = names[i]!.padEnd(longest);
    return { name, ...described(change, style, Math.max(16, style.width - name.length - 4)) };
  });
}

/** One line a change. Long values are cut to the width. */
export function changeLines(changes: readonly Change[], paper: Paper, indent: string): readonly string[] {
  const paint = { '+': paper.good, '-': paper.bad, '~': paper.changed };
  const width = paper.width - indent.length;
  return changeTexts(changes, { width, arrow: '→', plain: paper.plain, cut }).map(
    ({ mark, name, value }) => `${indent}${paint[mark](mark)} ${name}  ${value}`,
  );
}

function described(
  { before, after, isOrder }: Change,
  { arrow, ...style }: ChangeStyle,
  room: number,
): Omit<ChangeText, 'name'> {
  const text = (value: unknown, width: number) => style.cut(style.plain(JSON.stringify(value)), width);
  if (isOrder) return { mark: '~', value: 'in another order' };
  if (before === undefined) return { mark: '+', value: text(after, room) };
  if (after === undefined) return { mark: '-', value: text(before, room) };
  const between = ` ${arrow} `;
  const old = text(before, Math.floor((room - between.length) / 2));
  return { mark: '~', value: `${old}${between}${text(after, room - between.length - old.length)}` };
}
