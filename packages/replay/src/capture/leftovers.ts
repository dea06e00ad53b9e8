import type { Json } from '@backstory/events';

/** What was redacted in one place may stand in another: in the name of a flow, in a note. This knows what it was, and finds it. */
export class Leftovers {
  private readonly hidden = new Set<string>();

  get isEmpty(): boolean {
    return this.hidden.size === 0;
  }

  /** Texts and numbers in a value that nobody is to see. */
  hide(value: Json): void {
    for (const [, text] of leavesOf(value, ''))
      if (text.length >= SHORTEST && this.hidden.size < MOST) this.hidden.add(text);
  }

  /** The places in a value, as they are named to redact them, in which any of it still stands by itself. */
  in(value: Json, place: string): ReadonlySet<string> {
    const found = new Set<string>();
    for (const [name, text] of leavesOf(value, place))
      if (!found.has(name) && [...this.hidden].some((it) => holds(text, it))) found.add(name);
    return found;
  }
}

/** Shorter ones stand everywhere by chance. */
const SHORTEST = 3;
/** Every text of every event is compared with each. */
const MOST = 1_000;

/** Lists leave no trace in the name of a place. */
function* leavesOf(value: Json, place: string): Generator<readonly [place: string, text: string], void> {
  if (typeof value === 'string' || typeof value === 'number') yield [place, String(value)];
  else if (Array.isArray(value)) for (const it of value as readonly Json[]) yield* leavesOf(it, place);
  else if (typeof value === 'object' && value !== null)
    for (const [name, it] of Object.entries(value as object))
      yield* leavesOf(it as Json, place === '' ? name : `${place}.${name}`);
}

/** `case-S100992` has S100992, and `S1009921` has not. */
function holds(text: string, hidden: string): boolean {
  for (let at = text.indexOf(hidden); at >= 0; at = text.indexOf(hidden, at + 1)) {
    const [before, after] = [text.slice(0, at).at(-1) ?? '', text.charAt(at + hidden.length)];
    if (!WORD.test(before) && !WORD.test(after)) return true;
  }
  return false;
}

const WORD = /[\p{L}\p{N}]/u;
