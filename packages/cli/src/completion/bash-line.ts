/** A command line of bash up to the cursor, as bash will understand it. */
export interface BashLine {
  /** The words before the one that is being typed, without their quotes. */
  readonly words: readonly string[];
  /** The word that is being typed, without its quotes. */
  readonly word: string;
  /**
   * What bash has to put in place of what it thinks is being typed, so that the word becomes `value`, whatever is in it.
   * `undefined` where the quotes that were opened cannot hold it.
   */
  readonly replacement: (value: string) => string | undefined;
}

/**
 * Reads the line rather than bash's words of it, which are broken at colons and the like (`COMP_WORDBREAKS`) and keep
 * their quotes. What bash replaces begins after the last such break, or after a quote that is still open.
 */
export function readBashLine(line: string, breaks: string): BashLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  let kept = { atBreak: '', atQuote: '' };
  for (let i = 0; i < line.length; i++) {
    const character = line[i]!;
    if (character === quote) quote = '';
    else if (character === '\\' && quote !== "'") {
      const next = line[i + 1] ?? '';
      word = (word ?? '') + (quote === '' || '$`"\\'.includes(next) ? next : character + next);
      i++;
    } else if (quote !== '') word += character;
    else if (character === "'" || character === '"') {
      quote = character;
      word ??= '';
      kept.atQuote = word;
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      kept = { atBreak: '', atQuote: '' };
    } else {
      word = (word ?? '') + character;
      if (breaks.includes(character)) kept.atBreak = word;
    }
  }
  const skipped = (quote === '' ? kept.atBreak : kept.atQuote).length;
  return { words, word: word ?? '', replacement: (value) => QUOTED[quote]?.(value.slice(skipped)) };
}

const QUOTED: Readonly<Record<string, (text: string) => string | undefined>> = {
  '': (text) => text.replace(/[\0-\x7f]/g, (it) => (/[\w@%+=:,./-]/.test(it) ? it : `\\${it}`)),
  "'": (text) => (text.includes("'") ? undefined : text),
  // An exclamation mark would be taken for a reference to the history, and a backslash before it would stay.
  '"': (text) => (text.includes('!') ? undefined : text.replace(/[\\"$`]/g, '\\$&')),
};
