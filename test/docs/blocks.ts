/** A fenced block of a Markdown document. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of its first line of text, from 1. */
  readonly line: number;
}

export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [i, line] of markdown.split('\n').entries()) {
    const fence = /^```(\w*)$/.exec(line);
    if (open && fence) {
      blocks.push({ language: open.language, text: open.lines.join('\n'), line: open.line });
      open = undefined;
    } else if (fence) open = { language: fence[1]!, line: i + 2, lines: [] };
    else open?.lines.push(line);
  }
  return blocks;
}

/** What a person typed in a console block, and what was answered. */
export interface Exchange {
  readonly command: string;
  readonly answer: string;
}

export function exchangesOf({ text }: Block): readonly Exchange[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...answer] = part.split('\n');
      return { command, answer: answer.join('\n').trim() };
    });
}

/** What differs from run to run: new ids, the time of recording, and the gaps between such times. */
export function settled(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replace(/20(2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<now>')
    .replace(/\+\d+\.\d{3} s/g, '<gap>')
    .trim();
}
