import type { Change } from '@backstory/replay';
import type { Paper } from './paper.js';
import { cut } from './printable.js';

/** One line a change: `+` came, `-` went, `~` is different. Long values are cut to the width. */
export function changeLines(changes: readonly Change[], paper: Paper, indent: string): readonly string[] {
  const names = changes.map(({ path }) => paper.plain(path === '' ? '(all of it)' : path));
  const longest = Math.min(28, Math.max(0, ...names.map((it) => it.length)));
  return changes.map((change, i) => {
    const name = names[i]!.padEnd(longest);
    const room = Math.max(16, paper.width - indent.length - name.length - 4);
    const [mark, paint, value] = described(change, paper, room);
    return `${indent}${paint(mark)} ${name}  ${value}`;
  });
}

function described({ before, after }: Change, paper: Paper, room: number): [string, Paper['plain'], string] {
  const text = (value: unknown, width: number) => cut(paper.plain(JSON.stringify(value)), width);
  if (before === undefined) return ['+', paper.good, text(after, room)];
  if (after === undefined) return ['-', paper.bad, text(before, room)];
  const old = text(before, Math.floor((room - 3) / 2));
  return ['~', paper.changed, `${old} → ${text(after, room - 3 - old.length)}`];
}
