import { valueAt } from '@backstory/replay';
import { fitted, type Charset, type Line } from './line.js';
import type { Size, Viewing } from './viewing.js';

/** A line for each watched path: its value at this version, and what it was where this version changed it. */
export function watchLines(
  { watched, shown, type }: Viewing,
  { rows, columns }: Size,
  charset: Charset,
): readonly Line[] {
  const most = Math.max(0, Math.floor((rows - 2) / 3));
  const longest = Math.min(28, Math.max(0, ...watched.map((path) => charset.safe(path).length)));
  return watched.slice(0, most).map((path) => {
    const text = (state: typeof shown.state) =>
      state === undefined ? 'not known' : (JSON.stringify(valueAt(state, path, type)) ?? '(none)');
    const [now, was] = [text(shown.state), text(shown.before)];
    const isChanged =
      shown.event !== null && shown.before !== undefined && shown.state !== undefined && now !== was;
    const value = fitted([{ text: now }], Math.floor(columns / (isChanged ? 3 : 1)), charset);
    return [
      { text: ' * ', tone: isChanged ? 'changed' : 'faint' },
      { text: `${charset.safe(path).padEnd(longest)}  `, tone: 'name' },
      ...value.map((it) => ({ ...it, tone: isChanged ? ('changed' as const) : it.tone })),
      ...(isChanged ? [{ text: `  was ${was}`, tone: 'faint' as const }] : []),
    ];
  });
}
