/** A fenced block of a Markdown document. */
export interface Block {
  readonly language: Language;
  /** What follows the language: for `console` the folder in which it was typed. */
  readonly folder: string | undefined;
  readonly text: string;
  /** Of its first line of text, from 1. */
  readonly line: number;
}

/** What a block may be. What becomes of each is said in CONTRIBUTING.md; a language of another name is nobody's to check. */
export const LANGUAGES = ['ts', 'console', 'sh', 'sql', 'json', 'text', ''] as const;
export type Language = (typeof LANGUAGES)[number];

/** @throws Error for a fence that would be passed over, of another language, indented, of tildes, or never closed, and for indented code */
export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: (Omit<Block, 'text'> & { readonly lines: string[] }) | undefined;
  for (const [i, line] of markdown.split('\n').entries()) {
    if (open && line === '```') {
      const { lines, ...block } = open;
      const text = lines.join('\n');
      if (block.language === 'ts' && /^\s/.test(text))
        throw new Error(`The ts block at line ${block.line} is indented: let its first line begin the line.`);
      blocks.push({ ...block, text });
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (/^\s*(>\s*)?(`{3,}|~{3,})/.test(line)) open = { ...opened(line, i + 1), line: i + 2, lines: [] };
  }
  if (open) throw new Error(`The block at line ${open.line - 1} is not closed.`);
  return blocks;
}

function opened(line: string, number: number): Pick<Block, 'language' | 'folder'> {
  const [, language, folder] = /^```(\w*)(?: ([\w./-]+))?$/.exec(line) ?? [];
  if (!LANGUAGES.includes(language as Language))
    throw new Error(`Line ${number}: "${line}" opens no block that is checked: ${LANGUAGES.join(', ')}.`);
  return { language: language as Language, folder };
}

/** What a person typed in a console block, and what was answered. */
export interface Exchange {
  readonly command: string;
  readonly answer: string;
}

/** @throws Error for a block in which nothing is typed */
export function exchangesOf({ text, line }: Block): readonly Exchange[] {
  if (!text.startsWith('$ ')) throw new Error(`The console block at line ${line} begins with no "$ ".`);
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...answer] = part.split('\n');
      return { command: command.replace(/\s+#.*$/, ''), answer: answer.join('\n').trim() };
    });
}

/** The commands of an `sh` block, without comments. */
export function commandsOf({ text }: Block): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s+)#.*$/, '').trim())
    .filter((line) => line !== '');
}

/** What differs from run to run: new ids, the time of recording, the gaps between such times, and how long it took. */
export function settled(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replace(/20(2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<now>')
    .replace(/\+\d+\.\d{3} s/g, '<gap>')
    .replace(/[ \t]+$/gm, '')
    .trim();
}
