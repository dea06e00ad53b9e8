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
}

/** Writes lines to an output, many at once. Never throws, never waits: what cannot be written is counted. */
export class BufferedOutput {
  private lines: string[] = [];
  private length = 0;
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;

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
    return (this.working ??= outside(() => this.drain()).finally(() => (this.working = undefined)));
  }

  async reopen(): Promise<void> {
    await this.flush();
    await attempt(() => this.output.reopen?.());
  }

  /** At the end of the process, when nothing can be waited for. */
  flushNow(): void {
    const lines = this.taken();
    if (lines.length === 0) return;
    try {
      if (this.output.writeNow) return this.output.writeNow(lines.join(''));
    } catch {
      // Said below.
    }
    this.dropped(lines.length);
  }

  async close(): Promise<void> {
    await this.flush();
    await attempt(() => this.output.close?.());
  }

  private async drain(): Promise<void> {
    while (this.lines.length > 0) {
      const lines = this.taken();
      try {
        await this.output.write(lines.join(''));
      } catch {
        this.dropped(lines.length);
      }
    }
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
