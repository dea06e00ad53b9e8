import { closeSync, openSync, writeSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { LogOutput } from './log-output.js';

/** A file that lines are added to; made when the first are written. */
export class LogFile implements LogOutput {
  private file: fs.FileHandle | undefined;
  /** What was written last may have ended in the middle of a line. */
  private isTorn = false;

  constructor(private readonly at: string) {}

  async write(lines: string): Promise<void> {
    this.file ??= await this.open();
    try {
      await this.file.appendFile(this.isTorn ? `\n${lines}` : lines);
      this.isTorn = false;
    } catch (error) {
      this.isTorn = true;
      throw error;
    }
  }

  writeNow(lines: string): void {
    const file = openSync(this.at, 'a');
    try {
      writeSync(file, lines);
    } finally {
      closeSync(file);
    }
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

  private async open(): Promise<fs.FileHandle> {
    await fs.mkdir(path.dirname(this.at), { recursive: true });
    return fs.open(this.at, 'a');
  }
}
