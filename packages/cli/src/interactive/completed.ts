import { formatPath, type CursorStep, type PathStep } from '@backstory/replay';

/** A path that was begun, as far as the state leaves only one way to go on. */
export function completed(text: string, state: CursorStep['state']): string {
  const fitting = pathsOf(state, MOST).filter((path) => path.startsWith(text));
  return fitting.length === 0 ? text : fitting.reduce(commonStart);
}

const MOST = 10_000;

/** The paths of a value, at most so many, those of the same depth together. */
function pathsOf(state: unknown, most: number): readonly string[] {
  const found: string[] = [];
  let level: (readonly [readonly PathStep[], unknown])[] = [[[], state]];
  while (level.length > 0 && found.length < most) {
    const next: typeof level = [];
    for (const [path, value] of level) {
      if (path.length > 0) found.push(formatPath(path));
      if (typeof value !== 'object' || value === null) continue;
      for (const [key, member] of Object.entries(value)) {
        if (found.length + next.length >= most) break;
        next.push([[...path, Array.isArray(value) ? Number(key) : key], member]);
      }
    }
    level = next;
  }
  return found;
}

function commonStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
