import { formatStatePath, membersOf, type StatePart, type StateStep } from '@backstory/replay/paths';

/** A path that was begun, as far as the state leaves only one way to go on. */
export function completed(text: string, state: StatePart | undefined): string {
  const fitting = state ? pathsOf(state, MOST).filter((path) => path.startsWith(text)) : [];
  return fitting.length === 0 ? text : fitting.reduce(commonStart);
}

const MOST = 10_000;

/** The paths of a value, at most so many, those of the same depth together. */
function pathsOf(state: StatePart, most: number): readonly string[] {
  const found: string[] = [];
  let level: (readonly [readonly StateStep[], StatePart])[] = [[[], state]];
  while (level.length > 0 && found.length < most) {
    const next: typeof level = [];
    for (const [path, part] of level) {
      if (path.length > 0) found.push(formatStatePath(path));
      for (const [step, member] of membersOf(part)) {
        if (found.length + next.length >= most) break;
        next.push([[...path, step], member]);
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
