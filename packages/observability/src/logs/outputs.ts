import { BufferedOutput } from './buffered-output.js';
import { consoleText } from './console-text.js';
import { LogFile } from './log-file.js';
import { streamOutput, type LogOutput } from './log-output.js';
import type { LogSettings } from './log-settings.js';

/** Everything that lines of the log are written to. */
export class Outputs {
  private open: readonly BufferedOutput[] | undefined;

  constructor(
    private readonly settings: LogSettings,
    private readonly dropped: (lines: number) => void,
  ) {}

  get isOpen(): boolean {
    return this.open !== undefined;
  }

  start(): void {
    if (this.open) return;
    const { outputs, flushEveryMs, maxBuffered: most, reopenOnHangup } = this.settings;
    const buffering = { flushEveryMs, batch: Math.min(BATCH, most), most };
    this.open = outputs.map((it) => new BufferedOutput(outputOf(it), buffering, this.dropped));
    process.on('exit', this.flushNow);
    if (reopenOnHangup) process.on('SIGHUP', this.hungUp);
  }

  write(line: string): void {
    const text = this.settings.encoding === 'console' ? consoleText(line) : line;
    for (const output of this.open ?? []) output.write(text);
  }

  async reopen(): Promise<void> {
    await Promise.all((this.open ?? []).map((it) => it.reopen()));
  }

  async close(): Promise<void> {
    const { open = [] } = this;
    this.open = undefined;
    process.off('exit', this.flushNow);
    process.off('SIGHUP', this.hungUp);
    await Promise.all(open.map((it) => it.close()));
  }

  private readonly flushNow = (): void => {
    for (const output of this.open ?? []) output.flushNow();
  };

  private readonly hungUp = (): void => {
    void this.reopen();
  };
}

function outputOf(it: string | LogOutput): LogOutput {
  if (it === 'stdout') return streamOutput(process.stdout);
  if (it === 'stderr') return streamOutput(process.stderr);
  return typeof it === 'string' ? new LogFile(it) : it;
}

/** So many characters are written at once. */
const BATCH = 16_384;
