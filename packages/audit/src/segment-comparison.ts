import type { MerkleTree } from '@backstory/proof/seal';
import type { EventFindings } from './event-findings.js';
import { addBlock, type LineBlock } from './log-lines.js';
import type { UnreadableEvent } from './log-reader.js';
import type { SealLines } from './seal-file.js';
import {
  headerOfLine,
  leafOfLine,
  lineIn,
  linesOfBytes,
  positionOfLine,
  readLine,
  type SealLine,
} from './seal-format.js';

/**
 * Compares what one seal's file says with what the log says. Where both are the same text, block by block, nothing else is
 * looked at; where they differ, line by line in the order of positions. The tree is built from the seal.
 */
export class SegmentComparison {
  /** A line of the file that is no line of a seal. */
  damaged = false;
  /** The next line of the seal, where it had to be looked at. */
  private sealed: { readonly line: SealLine; readonly text: string; readonly position: number } | undefined;

  constructor(
    private readonly lines: SealLines,
    private readonly tree: MerkleTree,
    private readonly findings: EventFindings,
  ) {}

  async add(part: LineBlock | UnreadableEvent): Promise<void> {
    if ('message' in part) return this.unreadable(part);
    if (!this.sealed && (await this.lines.take(part.lines))) return addBlock(this.tree, part);
    for (const text of linesOfBytes(part.lines)) await this.compare(text, part.position);
  }

  /** What the seal has left is missing in the log. */
  async end(): Promise<void> {
    for (let sealed = await this.peek(); sealed; sealed = await this.peek()) {
      this.findings.lacks(sealed.line);
      this.shift();
    }
  }

  private async compare(text: string, last: number): Promise<void> {
    const found = lineIn(text);
    const position = positionOfLine(found) ?? last;
    for (let sealed = await this.peek(); sealed; sealed = await this.peek()) {
      if (sealed.text === text) return this.shift();
      if (sealed.position > position) break;
      this.shift();
      if (sealed.position === position) return this.findings.differ(sealed.line, found);
      this.findings.lacks(sealed.line);
    }
    this.findings.has(found);
  }

  private async unreadable({ position, message }: UnreadableEvent): Promise<void> {
    for (let sealed = await this.peek(); sealed; sealed = await this.peek()) {
      if (sealed.position > position) break;
      this.shift();
      if (sealed.position === position)
        return this.findings.unreadable(position, headerOfLine(sealed.line) ?? null, message);
      this.findings.lacks(sealed.line);
    }
    this.findings.unreadable(position, null, message);
  }

  private async peek(): Promise<typeof this.sealed> {
    if (this.sealed) return this.sealed;
    for (let text = await this.lines.next(); text !== undefined; text = await this.lines.next()) {
      const line = readLine(text);
      const position = line && positionOfLine(line);
      if (line && position !== undefined) return (this.sealed = { line, text, position });
      this.damaged = true;
    }
    return undefined;
  }

  private shift(): void {
    this.tree.append(leafOfLine(this.sealed!.line));
    this.sealed = undefined;
  }
}
