import { appendFileSync, mkdirSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { LogOutput } from './log-output.js';

/** A file that lines are added to; made when the first are written. */
export class LogFile implements LogOutput {
  private file: fs.FileHandle | undefined;
  /** What was written last may have ended in the middle of a line. */
  private isTorn = false;
  /** What waits until the file is open. */
  private waiting = '';

  constructor(private readonly at: string) {}

  async write(lines: string): Promise<void> {
    const file = this.file ?? (await this.openFor(lines));
    try {
      await file.appendFile(this.whole(lines));
      this.isTorn = false;
    } catch (error) {
      this.isTorn = true;
      throw error;
    }
  }

  writeNow(lines: string): void {
    mkdirSync(path.dirname(this.at), { recursive: true });
    appendFileSync(this.at, this.whole(this.waiting + lines));
  }

  /** The next lines go to whatever is at its path then. */
  async reopen(): Promise<void> {
    await this.close();
    this.isTorn = false;
    this.file = await this.open();
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }

  private async openFor(lines: string): Promise<fs.FileHandle> {
    this.waiting = lines;
    try {
      return (this.file = await this.open());
    } finally {
      this.waiting = '';
    }
  }

  private whole(lines: string): string {
    return this.isTorn ? `\n${lines}` : lines;
  }

  private async open(): Promise<fs.FileHandle> {
    await fs.mkdir(path.dirname(this.at), { recursive: true });
    return fs.open(this.at, 'a');
  }
}
