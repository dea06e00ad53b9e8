import { BufferedOutput } from './buffered-output.js';
import { consoleText } from './console-text.js';
import { LogFile } from './log-file.js';
import { streamOutput, type LogOutput } from './log-output.js';
import type { LogSettings } from './log-settings.js';

/** Everything that lines of the log are written to. */
export class Outputs {
  private open: readonly BufferedOutput[] | undefined;
  private stopListening = (): void => undefined;

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
    const buffering = { flushEveryMs, batch: Math.min(BATCH, most), most, closeWithinMs: CLOSE_WITHIN_MS };
    const open = outputs.map((it) => new BufferedOutput(outputOf(it), buffering, this.dropped));
    this.open = open;
    this.stopListening = listening({
      exit: () => open.forEach((it) => it.flushNow()),
      // Until all is written: the signal ends a process that does not listen for it.
      ...(reopenOnHangup && { SIGHUP: () => void this.reopen() }),
    });
  }

  write(line: string): void {
    const text = this.settings.encoding === 'console' ? consoleText(line) : line;
    for (const output of this.open ?? []) output.write(text);
  }

  async reopen(): Promise<void> {
    await Promise.all((this.open ?? []).map((it) => it.reopen()));
  }

  async close(): Promise<void> {
    const { open, stopListening } = this;
    if (!open) return;
    this.open = undefined;
    await Promise.all(open.map((it) => it.close()));
    stopListening();
  }
}

/** Gives a function that ends it. */
function listening(listeners: Readonly<Record<string, () => void>>): () => void {
  const all = Object.entries(listeners);
  for (const [event, listener] of all) process.on(event, listener);
  return () => all.forEach(([event, listener]) => process.off(event, listener));
}

function outputOf(it: string | LogOutput): LogOutput {
  if (it === 'stdout') return streamOutput(process.stdout);
  if (it === 'stderr') return streamOutput(process.stderr);
  return typeof it === 'string' ? new LogFile(it) : it;
}

/** So many characters are written at once. */
const BATCH = 16_384;
/** As long as an application waits for what observes it. */
const CLOSE_WITHIN_MS = 5_000;
