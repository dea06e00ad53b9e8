import Table from 'cli-table3';
import type { Paper } from './paper.js';

export interface Column<T> {
  readonly head: string;
  readonly text: (row: T) => string | number;
  readonly align?: 'left' | 'right';
}

/** Rows in aligned columns under a heading, without lines. Numbers stand on the right. */
export function columns<T>(rows: readonly T[], shown: readonly Column<T>[], paper: Paper): readonly string[] {
  const table = new Table({
    chars: BARE,
    head: shown.map(({ head }) => paper.dim(head)),
    colAligns: shown.map(({ align = 'left' }) => align),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const row of rows) table.push(shown.map(({ text }) => paper.plain(String(text(row)))));
  return table.toString().split('\n');
}

const BARE = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((it) => [it, '']),
);
