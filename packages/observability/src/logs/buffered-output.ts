import { outside } from '@backstory/core/store';
import type { LogOutput } from './log-output.js';

/** How much of the log waits for an output, and for how long. */
export interface Buffering {
  /** Lines are written after this many milliseconds, together. */
  readonly flushEveryMs: number;
  /** So many characters are written without waiting for it. */
  readonly batch: number;
  /** What does not fit any more is dropped. */
  readonly most: number;
  /** What is not written so many milliseconds after the end is dropped. */
  readonly closeWithinMs: number;
}

/** Writes lines to an output, many at once. Never throws, never waits: what cannot be written is counted. */
export class BufferedOutput {
  private lines: string[] = [];
  private length = 0;
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  /** How many lines the output is writing. */
  private writing = 0;
  /** Those who wait until the output was opened anew. */
  private reopening: (() => void)[] = [];

  constructor(
    private readonly output: LogOutput,
    private readonly buffering: Buffering,
    private readonly dropped: (lines: number) => void,
  ) {}

  write(line: string): void {
    const { most, batch, flushEveryMs } = this.buffering;
    if (this.length + line.length > most) return this.dropped(1);
    this.lines.push(line);
    this.length += line.length;
    if (this.length >= batch) void this.flush();
    else this.timer ??= outside(() => setTimeout(() => void this.flush(), flushEveryMs)).unref();
  }

  /** Writes what waits, once what is being written is. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    // Begun afterwards: an output may write lines itself.
    return (this.working ??= outside(() => Promise.resolve().then(() => this.drain())));
  }

  /** Opens the output anew, once what waits is written. */
  reopen(): Promise<void> {
    return new Promise((resolve) => {
      this.reopening.push(resolve);
      void this.flush();
    });
  }

  /** At the end of the process, when nothing can be waited for. */
  flushNow(): void {
    const lines = this.taken();
    if (lines.length + this.writing === 0) return;
    try {
      if (this.output.writeNow) return this.output.writeNow(lines.join(''));
    } catch {
      // Said below.
    }
    this.lost(lines.length);
  }

  /** Writes what waits. An output that hangs is not waited for. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = outside(() => setTimeout(resolve, this.buffering.closeWithinMs)).unref();
    });
    await Promise.race([this.flush().then(() => attempt(() => this.output.close?.())), late]);
    clearTimeout(timer);
    this.lost(this.taken().length + this.writing);
    this.writing = 0;
  }

  private async drain(): Promise<void> {
    try {
      while (this.lines.length + this.reopening.length > 0) {
        const reopening = this.reopening.splice(0);
        await this.writeBatch();
        if (reopening.length > 0) await attempt(() => this.output.reopen?.());
        for (const done of reopening) done();
      }
    } finally {
      // Here, as a line that comes in the microtask after it would wait for the next one.
      this.working = undefined;
    }
  }

  private async writeBatch(): Promise<void> {
    const lines = this.taken();
    if (lines.length === 0) return;
    this.writing = lines.length;
    try {
      await this.output.write(lines.join(''));
    } catch {
      this.lost(this.writing);
    }
    this.writing = 0;
  }

  private lost(lines: number): void {
    if (lines > 0) this.dropped(lines);
  }

  private taken(): readonly string[] {
    const { lines } = this;
    this.lines = [];
    this.length = 0;
    return lines;
  }
}

async function attempt(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch {
    // The next lines fail, and are counted.
  }
}
